// SPDX-License-Identifier: Apache-2.0

// Programs of Go that watch certificates: watch KIND DIRECTORY prints "read SHA256" of the certificate each time they read
// one.  KIND is the package, or how fsnotify is asked to watch.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/minio/pkg/v3/certs"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var shown string

func show(pair *tls.Certificate, err error) {
	if err != nil || pair == nil || len(pair.Certificate) == 0 {
		return
	}
	text := fmt.Sprintf("%x", sha256.Sum256(pair.Certificate[0]))
	if text != shown {
		shown = text
		fmt.Println("read", text)
	}
}

func read(certificate, key string) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	show(&pair, err)
}

// As most programs do it: read again at an event, and watch again what is gone.
func watch(path string, wanted func(fsnotify.Event) bool, certificate, key string) {
	watcher, err := fsnotify.NewWatcher()
	fail(err)
	fail(watcher.Add(path))
	for event := range watcher.Events {
		if event.Has(fsnotify.Remove) && event.Name == path {
			fail(watcher.Add(path))
		}
		if wanted(event) {
			read(certificate, key)
		}
	}
}

func poll(ask func() (*tls.Certificate, error)) {
	for {
		pair, err := ask()
		show(pair, err)
		time.Sleep(50 * time.Millisecond)
	}
}

func main() {
	kind, directory := os.Args[1], os.Args[2]
	certificate, key := filepath.Join(directory, "fullchain.pem"), filepath.Join(directory, "privkey.pem")
	any := func(fsnotify.Event) bool { return true }
	ctx := context.Background()

	read(certificate, key)
	switch kind {
	case "file":
		watch(certificate, any, certificate, key)
	case "directory":
		watch(directory, any, certificate, key)
	case "name":
		watch(directory, func(event fsnotify.Event) bool { return event.Name == certificate }, certificate, key)
	case "parent":
		watch(filepath.Dir(directory), any, certificate, key)
	case "apiserver":
		content, err := dynamiccertificates.NewDynamicServingContentFromFiles("test", certificate, key)
		fail(err)
		go content.Run(ctx, 1)
		poll(func() (*tls.Certificate, error) {
			pair, err := tls.X509KeyPair(content.CurrentCertKeyContent())
			return &pair, err
		})
	case "minio":
		pair, err := certs.NewCertificate(certificate, key, tls.LoadX509KeyPair)
		fail(err)
		go pair.Watch(ctx, 2*time.Second) // a minute by default: it polls what is a link
		poll(func() (*tls.Certificate, error) {
			now := pair.Get()
			return &now, nil
		})
	case "certwatcher":
		watcher, err := certwatcher.New(certificate, key)
		fail(err)
		watcher.WithWatchInterval(time.Hour)
		go func() { fail(watcher.Start(ctx)) }()
		poll(func() (*tls.Certificate, error) { return watcher.GetCertificate(nil) })
	}
}
