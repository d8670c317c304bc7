package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/client-go/applyconfigurations"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	apiservice "k8s.io/kubernetes/pkg/api/service"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/capabilities"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

var (
	// CustomResourceDefinitions are of a scheme of their own.
	definitionScheme = runtime.NewScheme()
	definitions      = serializer.NewCodecFactory(definitionScheme)
	definition       = schema.GroupKind{Group: apiextensions.GroupName, Kind: "CustomResourceDefinition"}

	// merge knows the keys of lists; it is made on first use.
	merge managedfields.TypeConverter
)

// anyNodePort is of the default range.
const anyNodePort = 30000

func init() {
	install.Install(definitionScheme)
	// As kube-apiserver is started everywhere: policies forbid privileged containers, not this.
	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true})
}

// validate says what a create of the object by server-side apply would be refused for.
func validate(text []byte, custom customKinds) (verdict, error) {
	// Numbers have to be as the API server has them: int64 or float64.
	parsed := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &parsed.Object); err != nil {
		return verdict{}, err
	}
	kind := parsed.GroupVersionKind()
	if parsed.GetName() == "" {
		return verdict{true, []problem{{"metadata.name", "name is required"}}}, nil
	}
	var problems []problem
	switch strategy, builtIn := strategies[kind.GroupKind()]; {
	case builtIn && legacyscheme.Scheme.Recognizes(kind):
		problems = typedProblems(text, parsed, legacyscheme.Codecs, strategy)
	case kind.GroupKind() == definition && definitionScheme.Recognizes(kind):
		problems = typedProblems(text, parsed, definitions, customresourcedefinition.NewStrategy(definitionScheme))
	default:
		version := custom.version(kind)
		if version == nil {
			return verdict{Problems: []problem{}}, nil
		}
		problems = version.problems(parsed)
	}
	return verdict{true, append([]problem{}, problems...)}, nil
}

// typedProblems is for kinds that Go types are made for.
func typedProblems(
	text []byte, object *unstructured.Unstructured, codecs serializer.CodecFactory, strategy rest.RESTCreateStrategy,
) []problem {
	internal := schema.GroupVersion{Group: object.GroupVersionKind().Group, Version: runtime.APIVersionInternal}
	decoder := codecs.UniversalDecoder(internal)
	decoded, err := runtime.Decode(decoder, text)
	if err != nil {
		return undecodable(object.Object, decoder, err)
	}
	if each, isService := decoded.(*core.Service); isService {
		allocate(each)
	}
	duplicates := duplicateKeys(object)
	refused := refusals(object, decoded, strategy)
	if len(duplicates) > 0 {
		// Server-side apply ends with these, and validation would name some of them once more.
		kept := duplicates
		for _, each := range refused {
			if !strings.HasPrefix(each.Message, "Duplicate value") {
				kept = append(kept, each)
			}
		}
		return kept
	}
	return refused
}

// allocate does what the API server does with a Service before it validates it, as far as validation looks at it.
func allocate(each *core.Service) {
	if each.Spec.ClusterIP != "" && len(each.Spec.ClusterIPs) == 0 {
		each.Spec.ClusterIPs = []string{each.Spec.ClusterIP}
	}
	if apiservice.NeedsHealthCheck(each) && each.Spec.HealthCheckNodePort == 0 {
		each.Spec.HealthCheckNodePort = anyNodePort
	}
}

// refusals is what a strategy says of a new object.
func refusals(read *unstructured.Unstructured, object runtime.Object, strategy rest.RESTCreateStrategy) []problem {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return []problem{{"", err.Error()}}
	}
	namespace := ""
	if strategy.NamespaceScoped() {
		// One that has none is not for this program to judge: Flux may be told of one.
		if namespace = accessor.GetNamespace(); namespace == "" {
			namespace = metav1.NamespaceDefault
			accessor.SetNamespace(namespace)
		}
	}
	rest.FillObjectMetaSystemFields(accessor)
	kind := read.GroupVersionKind()
	ctx := request.WithNamespace(context.Background(), namespace)
	resource, _ := meta.UnsafeGuessKindToResource(kind)
	ctx = request.WithRequestInfo(ctx, &request.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version,
		Namespace: namespace, Resource: resource.Resource, Name: read.GetName(),
	})
	return problemsOf(rest.BeforeCreate(strategy, ctx, object))
}

// problemsOf takes an API error apart.
func problemsOf(err error) []problem {
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return []problem{{"", err.Error()}}
	}
	var problems []problem
	for _, cause := range status.Status().Details.Causes {
		// The API server says so next to what it could check.
		if cause.Field != "<nil>" {
			problems = append(problems, problem{cause.Field, cause.Message})
		}
	}
	return problems
}

// duplicateKeys is what server-side apply refuses before anything else: two items of a list that its key must tell
// apart. What else a merge finds is a schema's matter.
func duplicateKeys(object *unstructured.Unstructured) []problem {
	if !clientscheme.Scheme.Recognizes(object.GroupVersionKind()) {
		return nil
	}
	if merge == nil {
		merge = applyconfigurations.NewTypeConverter(clientscheme.Scheme)
	}
	_, err := merge.ObjectToTyped(object)
	var found typed.ValidationErrors
	if !errors.As(err, &found) {
		return nil
	}
	var problems []problem
	for _, each := range found {
		if strings.HasPrefix(each.ErrorMessage, "duplicate entries") {
			problems = append(problems, problem{strings.TrimPrefix(each.Path, "."), each.ErrorMessage})
		}
	}
	return problems
}

// undecodable names the fields whose values cannot be read, which the decoder's error does not: those that cannot be
// read in an object that has no other.
func undecodable(object map[string]any, decoder runtime.Decoder, whole error) []problem {
	var problems []problem
	alone := func(path string, wrapped any) {
		made, isObject := wrapped.(map[string]any)
		if !isObject {
			return
		}
		made["apiVersion"], made["kind"] = object["apiVersion"], object["kind"]
		text, err := json.Marshal(made)
		if err == nil {
			_, err = runtime.Decode(decoder, text)
		}
		if err != nil {
			problems = append(problems, problem{path, reason(err)})
		}
	}
	leaves(object, "", func(inner any) any { return inner }, alone)
	if len(problems) == 0 {
		return []problem{{"", reason(whole)}}
	}
	return problems
}

// leaves calls visit with each leaf's path, and with the value around that leaf alone.
func leaves(value any, path string, around func(any) any, visit func(string, any)) {
	switch parent := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(parent)) {
			child := parent[key]
			step := "." + key
			if strings.ContainsAny(key, "./[]") {
				step = "[" + key + "]"
			}
			leaves(child, strings.TrimPrefix(path+step, "."), func(inner any) any {
				return around(map[string]any{key: inner})
			}, visit)
		}
	case []any:
		for index, child := range parent {
			leaves(child, fmt.Sprintf("%s[%d]", path, index), func(inner any) any { return around([]any{inner}) }, visit)
		}
	default:
		visit(path, around(value))
	}
}

// reason is a decoder's error without what names Go's types.
func reason(err error) string {
	message := err.Error()
	if _, after, found := strings.Cut(message, "cannot be handled as a "); found {
		_, message, _ = strings.Cut(after, ": ")
	}
	return message
}
