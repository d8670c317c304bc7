package main

import (
	"encoding/json"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
)

// customKinds are the CustomResourceDefinitions by the kind that they define.
type customKinds map[schema.GroupKind]*customKind

type customKind struct {
	crd      apiextensionsv1.CustomResourceDefinition
	versions map[string]*customVersion
}

// customVersion is what is made of a version's schema, its CEL rules compiled.
type customVersion struct {
	structural *structuralschema.Structural
	strategy   rest.RESTCreateStrategy
}

// add takes a definition; one that is read later replaces it.
func (kinds customKinds) add(text []byte) error {
	made := &customKind{versions: map[string]*customVersion{}}
	if err := json.Unmarshal(text, &made.crd); err != nil {
		return err
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&made.crd)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&made.crd.Spec)
	kinds[schema.GroupKind{Group: made.crd.Spec.Group, Kind: made.crd.Spec.Names.Kind}] = made
	return nil
}

// version makes a version's validator on first use; nil if there is none of that kind and version. A definition that
// cannot be used is refused itself, as an object.
func (kinds customKinds) version(kind schema.GroupVersionKind) *customVersion {
	known := kinds[kind.GroupKind()]
	if known == nil {
		return nil
	}
	if made := known.versions[kind.Version]; made != nil {
		return made
	}
	for _, each := range known.crd.Spec.Versions {
		if each.Name == kind.Version && each.Served && each.Schema != nil {
			made, err := known.make(kind, each)
			if err != nil {
				return nil
			}
			known.versions[kind.Version] = made
			return made
		}
	}
	return nil
}

func (known *customKind) make(
	kind schema.GroupVersionKind, version apiextensionsv1.CustomResourceDefinitionVersion,
) (*customVersion, error) {
	internal := &apiextensions.CustomResourceValidation{}
	err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(
		version.Schema, internal, nil)
	if err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	var status *apiextensions.CustomResourceSubresourceStatus
	if version.Subresources != nil && version.Subresources.Status != nil {
		status = &apiextensions.CustomResourceSubresourceStatus{}
	}
	strategy := customresource.NewStrategy(
		typer{}, known.crd.Spec.Scope == apiextensionsv1.NamespaceScoped, kind, validator, nil, structural, status, nil,
		version.SelectableFields)
	return &customVersion{structural, strategy}, nil
}

// problems is what the API server would refuse; unknown fields are a schema's matter.
func (version *customVersion) problems(object *unstructured.Unstructured) []problem {
	if _, _, err := objectmeta.GetObjectMeta(object.Object, false); err != nil {
		return []problem{{"metadata", err.Error()}}
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object.Object, version.structural)
	if err := objectmeta.Coerce(nil, object.Object, version.structural, false, false); err != nil {
		return []problem{{err.Field, err.ErrorBody()}}
	}
	defaulting.Default(object.Object, version.structural)
	return refusals(object, object, version.strategy)
}

// typer knows a custom resource by what it says.
type typer struct{}

func (typer) ObjectKinds(object runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	return []schema.GroupVersionKind{object.GetObjectKind().GroupVersionKind()}, false, nil
}

func (typer) Recognizes(schema.GroupVersionKind) bool { return true }
