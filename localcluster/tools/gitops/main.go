// Sync brings one namespace to the state of one folder, by Argo CD's sync engine and with Argo CD's way of marking what
// is its own (the tracking annotation), then ends. What is no part of Argo CD's decision is left out: it is told the
// revision instead of fetching it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/engine"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
)

const trackingAnnotation = "argocd.argoproj.io/tracking-id"

type options struct {
	kubeconfig, namespace, application, folder, revision string
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "whom to be, where")
	flag.StringVar(&o.namespace, "namespace", "default", "the Application's destination")
	flag.StringVar(&o.application, "application", "", "the Application's name")
	flag.StringVar(&o.folder, "folder", "", "the manifests")
	flag.StringVar(&o.revision, "revision", "", "the commit they are of")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o options) error {
	if o.application == "" || o.folder == "" || o.revision == "" {
		return errors.New("--application, --folder and --revision are needed")
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	targets, err := manifests(o)
	if err != nil {
		return err
	}
	live := cache.NewClusterCache(config,
		cache.SetNamespaces([]string{o.namespace}),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			own := object.GetAnnotations()[trackingAnnotation] == trackingID(o, object)
			return own, own
		}))
	argo := engine.NewEngine(config, live)
	stop, err := argo.Run()
	if err != nil {
		return err
	}
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	results, err := argo.Sync(ctx, targets, func(r *cache.Resource) bool { return r.Info.(bool) },
		o.revision, o.namespace, sync.WithPrune(true))
	for _, result := range results {
		fmt.Printf("%s %s %s: %s\n", result.Status, result.ResourceKey.Kind, result.ResourceKey.Name, result.Message)
		if result.Status == common.ResultCodeSyncFailed {
			err = errors.Join(err, fmt.Errorf("%s: %s", result.ResourceKey.Name, result.Message))
		}
	}
	return err
}

func manifests(o options) ([]*unstructured.Unstructured, error) {
	var targets []*unstructured.Unstructured
	err := filepath.WalkDir(o.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		objects, err := kube.SplitYAML(data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		targets = append(targets, objects...)
		return nil
	})
	for _, target := range targets {
		if target.GetNamespace() == "" {
			target.SetNamespace(o.namespace)
		}
		annotations := target.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[trackingAnnotation] = trackingID(o, target)
		target.SetAnnotations(annotations)
	}
	return targets, err
}

// trackingID names the application and the object itself: a copy of the annotation on another object marks nothing.
func trackingID(o options, object *unstructured.Unstructured) string {
	kind := object.GroupVersionKind()
	return fmt.Sprintf("%s:%s/%s:%s/%s", o.application, kind.Group, kind.Kind, object.GetNamespace(), object.GetName())
}
