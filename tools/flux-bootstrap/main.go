// Command flux-bootstrap takes the place of the flux CLI in the sandbox, where the CLI cannot be built: its embedded
// manifests are not in its module. It calls the same packages in the same order, with the flags that the bootstrap
// uses, and refuses a Git host that is not on this machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fluxcd/pkg/git"
	"github.com/fluxcd/pkg/git/gogit"
	runclient "github.com/fluxcd/pkg/runtime/client"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fluxcd/flux2/v2/pkg/bootstrap"
	"github.com/fluxcd/flux2/v2/pkg/bootstrap/provider"
	"github.com/fluxcd/flux2/v2/pkg/log"
	"github.com/fluxcd/flux2/v2/pkg/manifestgen/install"
	"github.com/fluxcd/flux2/v2/pkg/manifestgen/sourcesecret"
	"github.com/fluxcd/flux2/v2/pkg/manifestgen/sync"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// version is the Flux release whose packages these are; the linker sets it.
var version = "0.0.0-dev"

const (
	namespace     = "flux-system"
	tokenVariable = "GITHUB_TOKEN"
	// basesVariable names the folder of component manifests that the CLI has embedded.
	basesVariable = "FLUX_BOOTSTRAP_MANIFESTS"
	pollInterval  = 2 * time.Second
)

type options struct {
	owner, repository, branch, path, hostname, caFile, version string
	components, extra                                          []string
	tokenAuth                                                  bool
	interval, timeout                                          time.Duration
}

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "✗ %s\n", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "flux-bootstrap",
		Short: "Stands for the flux CLI in the sandbox",
		Long: "Stands for the flux CLI in the sandbox: Flux's own bootstrap and manifestgen packages behind the flags " +
			"that\npython -m bootstrap uses. It works with a Git host on this machine only. Component manifests come from " +
			basesVariable + ".",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	root.SetVersionTemplate("flux version {{.Version}}\n")

	set := &options{}
	root.PersistentFlags().DurationVar(&set.timeout, "timeout", 5*time.Minute, "timeout for this operation")

	bootstrapCommand := &cobra.Command{Use: "bootstrap", Short: "Deploy Flux on a cluster the GitOps way"}
	github := &cobra.Command{
		Use:   "github",
		Short: "Deploy Flux on a cluster connected to a GitHub repository",
		RunE:  func(*cobra.Command, []string) error { return set.bootstrap() },
	}
	flags := github.Flags()
	flags.StringVar(&set.owner, "owner", "", "GitHub user or organization name")
	flags.StringVar(&set.repository, "repository", "", "GitHub repository name")
	flags.StringVar(&set.branch, "branch", "main", "Git branch")
	flags.StringVar(&set.path, "path", "", "path relative to the repository root")
	flags.StringVar(&set.hostname, "hostname", "", "GitHub hostname: localhost:PORT")
	flags.StringVar(&set.caFile, "ca-file", "", "path to TLS CA file used for validating self-signed certificates")
	flags.BoolVar(&set.tokenAuth, "token-auth", false, "use the personal access token for the sync; required here")
	flags.DurationVar(&set.interval, "interval", time.Minute, "sync interval")
	set.componentFlags(github)
	bootstrapCommand.AddCommand(github)

	export := false
	installCommand := &cobra.Command{
		Use:   "install",
		Short: "Print the component manifests",
		RunE: func(*cobra.Command, []string) error {
			if !export {
				return errors.New("install takes --export here: it prints, and installs nothing")
			}
			return set.export()
		},
	}
	installCommand.Flags().BoolVar(&export, "export", false, "write the install manifests to stdout and exit")
	set.componentFlags(installCommand)

	versionCommand := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Run:   func(*cobra.Command, []string) { fmt.Printf("flux: v%s\n", version) },
	}
	versionCommand.Flags().Bool("client", false, "print only client version, which is all that this one knows")

	root.AddCommand(bootstrapCommand, installCommand, versionCommand)
	return root
}

func (set *options) componentFlags(command *cobra.Command) {
	command.Flags().StringSliceVar(&set.components, "components",
		install.MakeDefaultOptions().Components, "list of components, accepts comma-separated values")
	command.Flags().StringSliceVar(&set.extra, "components-extra", nil, "list of components in addition")
	command.Flags().StringVarP(&set.version, "version", "v", "", "toolkit version; none but v"+version+" is here")
}

// manifests are the options of Flux's own generator, and the folder that it reads component manifests from.
func (set *options) manifests() (install.Options, string, error) {
	made := install.MakeDefaultOptions()
	if set.version != "" && set.version != "v"+version {
		return made, "", fmt.Errorf("targeted version '%s' is not compatible with your current version of flux (%s)",
			set.version, version)
	}
	components := append(append([]string{}, set.components...), set.extra...)
	for _, required := range []string{"source-controller", "kustomize-controller"} {
		if !contains(components, required) {
			return made, "", fmt.Errorf("component %s is required", required)
		}
	}
	known := append(install.MakeDefaultOptions().Components, install.MakeDefaultOptions().ComponentsExtra...)
	for _, component := range components {
		if !contains(known, component) {
			return made, "", fmt.Errorf("component %s is not available", component)
		}
	}
	base := os.Getenv(basesVariable)
	if base == "" {
		return made, "", fmt.Errorf("%s is not set: it names the folder of component manifests", basesVariable)
	}
	// Generate writes into its base.
	scratch, err := os.MkdirTemp("", "flux-manifests-")
	if err != nil {
		return made, "", err
	}
	if err := os.CopyFS(scratch, os.DirFS(base)); err != nil {
		return made, "", fmt.Errorf("reading %s: %w", base, err)
	}
	made.Version = "v" + version
	made.Components, made.ComponentsExtra = components, nil
	made.TargetPath = filepath.ToSlash(set.path)
	made.Timeout = set.timeout
	return made, scratch, nil
}

func (set *options) export() error {
	made, base, err := set.manifests()
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	manifest, err := install.Generate(made, base)
	if err != nil {
		return fmt.Errorf("install failed: %w", err)
	}
	fmt.Print(manifest.Content)
	return nil
}

func (set *options) bootstrap() error {
	token := os.Getenv(tokenVariable)
	if token == "" {
		return fmt.Errorf("%s is not set", tokenVariable)
	}
	if err := onThisMachine(set.hostname); err != nil {
		return err
	}
	if !set.tokenAuth {
		return errors.New("--token-auth is required here: no key is made")
	}
	ctx, cancel := context.WithTimeout(context.Background(), set.timeout)
	defer cancel()

	made, base, err := set.manifests()
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)

	var ca []byte
	if set.caFile != "" {
		if ca, err = os.ReadFile(set.caFile); err != nil {
			return fmt.Errorf("unable to read TLS CA file: %w", err)
		}
	}
	host, err := provider.BuildGitProvider(provider.Config{
		Provider: provider.GitProviderGitHub, Hostname: set.hostname, Token: token, CaBundle: ca,
	})
	if err != nil {
		return err
	}
	clone, err := os.MkdirTemp("", "flux-bootstrap-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(clone)
	repository, err := gogit.NewClient(clone,
		&git.AuthOptions{Transport: git.HTTPS, Username: set.owner, Password: token, CAFile: ca},
		gogit.WithDiskStorage(), gogit.WithFallbackToDefaultKnownHosts())
	if err != nil {
		return fmt.Errorf("failed to create a Git client: %w", err)
	}

	getter := genericclioptions.NewConfigFlags(false)
	getter.Namespace = ptr(namespace)
	limits := &runclient.Options{QPS: 50, Burst: 300}
	cluster, err := clusterClient(getter, limits)
	if err != nil {
		return err
	}
	secret := sourcesecret.Options{
		Name: namespace, Namespace: namespace, TargetPath: made.TargetPath,
		ManifestFile: sourcesecret.MakeDefaultOptions().ManifestFile,
		Username:     "git", Password: token, CACrt: ca,
	}
	syncing := sync.Options{
		Interval: set.interval, Name: namespace, Namespace: namespace, Branch: set.branch, Secret: namespace,
		TargetPath: made.TargetPath, ManifestFile: sync.MakeDefaultOptions().ManifestFile,
	}
	bootstrapper, err := bootstrap.NewGitProviderBootstrapper(repository, host, cluster,
		bootstrap.WithProviderRepository(set.owner, set.repository, false),
		bootstrap.WithBranch(set.branch),
		bootstrap.WithBootstrapTransportType("https"),
		bootstrap.WithSyncTransportType("https"),
		bootstrap.WithSignature("Flux", ""),
		bootstrap.WithKubeconfig(getter, limits),
		bootstrap.WithLogger(steps{}),
	)
	if err != nil {
		return err
	}
	return bootstrap.Run(ctx, bootstrapper, base, made, secret, syncing, pollInterval, set.timeout)
}

// onThisMachine refuses every host but localhost: this program is for rehearsals. Flux's library reads an address with
// a port, such as 127.0.0.1:3000, as no host at all.
func onThisMachine(hostname string) error {
	host := hostname
	if name, _, err := net.SplitHostPort(hostname); err == nil {
		host = name
	}
	if host == "localhost" {
		return nil
	}
	return fmt.Errorf("--hostname %q is not localhost: flux-bootstrap stands for the flux CLI in the sandbox only", hostname)
}

func clusterClient(getter *genericclioptions.ConfigFlags, limits *runclient.Options) (client.WithWatch, error) {
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("kubernetes configuration load failed: %w", err)
	}
	config.QPS, config.Burst = limits.QPS, limits.Burst
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apiextensionsv1.AddToScheme, corev1.AddToScheme, appsv1.AddToScheme,
		sourcev1.AddToScheme, kustomizev1.AddToScheme, helmv2.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	made, err := client.NewWithWatch(rest.CopyConfig(config), client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("kubernetes client initialization failed: %w", err)
	}
	return made, nil
}

// steps prints what the bootstrap does, a line a step, with the CLI's signs.
type steps struct{}

var _ log.Logger = steps{}

func (steps) Actionf(format string, a ...interface{})   { say("►", format, a...) }
func (steps) Generatef(format string, a ...interface{}) { say("✚", format, a...) }
func (steps) Waitingf(format string, a ...interface{})  { say("◎", format, a...) }
func (steps) Successf(format string, a ...interface{})  { say("✔", format, a...) }
func (steps) Warningf(format string, a ...interface{})  { say("⚠️", format, a...) }
func (steps) Failuref(format string, a ...interface{})  { say("✗", format, a...) }

func say(sign, format string, a ...interface{}) {
	fmt.Fprintln(os.Stderr, sign, strings.TrimSpace(fmt.Sprintf(format, a...)))
}

func contains(all []string, one string) bool {
	for _, each := range all {
		if each == one {
			return true
		}
	}
	return false
}

func ptr[T any](value T) *T { return &value }
