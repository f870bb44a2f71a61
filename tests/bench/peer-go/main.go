// SPDX-License-Identifier: Apache-2.0

// What a good Go programmer would write in place of certferry: aws-sdk-go-v2, a goroutine for each certificate, and no
// record of what was done.
//
//	peer-go sync ENDPOINT GOROUTINES ACCOUNT...: every certificate of the source to each account
//	peer-go watch ENDPOINT GOROUTINES ACCOUNT...: with each line of standard input, those that were renewed since
//
// A sync prints one line of JSON; the processor's time is that of the work alone, without the start.  A watch says when
// it is ready, and when it has done what a line asked for.  How it retries is up to AWS_RETRY_MODE and AWS_MAX_ATTEMPTS.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/youmark/pkcs8"
)

const (
	region     = "eu-west-1"
	sourceRole = "arn:aws:iam::111111111111:role/certferry-source"
)

var keyTypes = types.KeyAlgorithm("").Values()

type figures struct {
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	PeakKiB    int64   `json:"peak_kib"`
	Requests   int     `json:"requests"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage

	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func measure(work func() int) figures {
	var usage syscall.Rusage
	begin, cpu := time.Now(), cpuSeconds()
	requests := work()

	result := figures{Seconds: time.Since(begin).Seconds(), CPUSeconds: cpuSeconds() - cpu, Requests: requests}
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	result.PeakKiB = usage.Maxrss
	return result
}

// A configuration whose connections are kept, as many as there are goroutines: by default only two of a host are.
func load(endpoint string, goroutines int) aws.Config {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = goroutines, goroutines
	transport.ForceAttemptHTTP2 = false
	if file := os.Getenv("AWS_CA_BUNDLE"); file != "" {
		text, err := os.ReadFile(file)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	os.Unsetenv("AWS_CA_BUNDLE") // it takes no client of ours beside it
	loaded, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(region),
		config.WithBaseEndpoint(endpoint), config.WithHTTPClient(&http.Client{Transport: transport}))
	check(err)
	return loaded
}

func inParallel(count int, items int, work func(item int)) {
	var group sync.WaitGroup
	next := make(chan int)

	for range count {
		group.Add(1)
		go func() {
			defer group.Done()
			for item := range next {
				work(item)
			}
		}()
	}
	for item := range items {
		next <- item
	}
	close(next)
	group.Wait()
}

func assume(loaded aws.Config, role string) *acm.Client {
	of := loaded.Copy()
	of.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), role,
		func(options *stscreds.AssumeRoleOptions) { options.RoleSessionName = "bench" }))
	return acm.NewFromConfig(of)
}

func list(client *acm.Client) []types.CertificateSummary {
	var found []types.CertificateSummary
	pages := acm.NewListCertificatesPaginator(client, &acm.ListCertificatesInput{
		MaxItems: aws.Int32(1000), Includes: &types.Filters{KeyTypes: keyTypes}})

	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		check(err)
		found = append(found, page.CertificateSummaryList...)
	}
	return found
}

// {source ARN: ARN} of what is there already, by its tags.
func imports(client *acm.Client) map[string]string {
	found := map[string]string{}

	for _, summary := range list(client) {
		tags, err := client.ListTagsForCertificate(context.Background(),
			&acm.ListTagsForCertificateInput{CertificateArn: summary.CertificateArn})
		check(err)
		for _, tag := range tags.Tags {
			if *tag.Key == "certferry:source" {
				found[*tag.Value] = *summary.CertificateArn
			}
		}
	}
	return found
}

// The key in clear, once it is the leaf's.
func decrypt(export *acm.ExportCertificateOutput, passphrase []byte) []byte {
	block, _ := pem.Decode([]byte(*export.PrivateKey))
	key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, passphrase)
	check(err)
	block, _ = pem.Decode([]byte(*export.Certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	check(err)
	own, isKey := key.(interface{ Public() crypto.PublicKey })
	if !isKey {
		check(fmt.Errorf("the key of %s is none that signs", leaf.Subject))
	}
	if public, compares := own.Public().(interface{ Equal(crypto.PublicKey) bool }); !compares || !public.Equal(leaf.PublicKey) {
		check(fmt.Errorf("the key of %s is not its leaf's", leaf.Subject))
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

type destination struct {
	account string
	client  *acm.Client
	known   map[string]string
}

func (to destination) put(arn string, name *string, export *acm.ExportCertificateOutput, key []byte) {
	ctx := context.Background()
	input := acm.ImportCertificateInput{Certificate: []byte(*export.Certificate), PrivateKey: key,
		CertificateChain: []byte(*export.CertificateChain)}

	if existing, there := to.known[arn]; there {
		input.CertificateArn = &existing
	} else {
		input.Tags = []types.Tag{{Key: aws.String("certferry:source"), Value: &arn},
			{Key: aws.String("certferry:name"), Value: name}}
	}
	imported, err := to.client.ImportCertificate(ctx, &input)
	check(err)
	back, err := to.client.GetCertificate(ctx, &acm.GetCertificateInput{CertificateArn: imported.CertificateArn})
	check(err)
	if strings.TrimSpace(*back.Certificate) != strings.TrimSpace(*export.Certificate) {
		check(fmt.Errorf("%s in %s is not what was imported", arn, to.account))
	}
}

func carry(source *acm.Client, arn string, destinations []destination) {
	ctx := context.Background()
	secret := make([]byte, 16)
	var group sync.WaitGroup

	described, err := source.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	check(err)
	_, err = rand.Read(secret)
	check(err)
	passphrase := []byte(hex.EncodeToString(secret))
	export, err := source.ExportCertificate(ctx, &acm.ExportCertificateInput{CertificateArn: &arn, Passphrase: passphrase})
	check(err)
	key := decrypt(export, passphrase)
	for _, to := range destinations {
		group.Add(1)
		go func() {
			defer group.Done()
			inFlight <- struct{}{}
			to.put(arn, described.Certificate.DomainName, export, key)
			<-inFlight
		}()
	}
	group.Wait()
}

// What is under way at the destinations, all certificates together.
var inFlight chan struct{}

func connect(loaded aws.Config, goroutines int, accounts []string) []destination {
	destinations := make([]destination, len(accounts))

	inFlight = make(chan struct{}, goroutines)
	inParallel(goroutines, len(accounts), func(n int) {
		client := assume(loaded, "arn:aws:iam::"+accounts[n]+":role/certferry-destination")
		destinations[n] = destination{accounts[n], client, imports(client)}
	})
	return destinations
}

func sync_(loaded aws.Config, goroutines int, accounts []string) figures {
	return measure(func() int {
		source := assume(loaded, sourceRole)
		destinations := connect(loaded, goroutines, accounts)
		there := list(source)

		inParallel(goroutines, len(there), func(n int) { carry(source, *there[n].CertificateArn, destinations) })
		return len(there) * len(accounts)
	})
}

func watch(loaded aws.Config, goroutines int, accounts []string) {
	source := assume(loaded, sourceRole)
	destinations := connect(loaded, goroutines, accounts)
	expiry := map[string]time.Time{}
	lines := bufio.NewScanner(os.Stdin)

	for _, summary := range list(source) {
		expiry[*summary.CertificateArn] = *summary.NotAfter
	}
	fmt.Println("ready")
	for lines.Scan() {
		var renewed []string
		for _, summary := range list(source) {
			if arn := *summary.CertificateArn; !expiry[arn].Equal(*summary.NotAfter) {
				expiry[arn] = *summary.NotAfter
				renewed = append(renewed, arn)
			}
		}
		inParallel(goroutines, len(renewed), func(n int) { carry(source, renewed[n], destinations) })
		fmt.Println("done")
	}
}

func main() {
	var result bytes.Buffer
	mode, endpoint, rest := os.Args[1], os.Args[2], os.Args[3:]
	number := func(text string) int {
		value, err := strconv.Atoi(text)
		check(err)
		return value
	}

	loaded := load(endpoint, number(rest[0]))
	switch mode {
	case "sync":
		check(json.NewEncoder(&result).Encode(sync_(loaded, number(rest[0]), rest[1:])))
		fmt.Print(result.String())
	case "watch":
		watch(loaded, number(rest[0]), rest[1:])
	default:
		check(fmt.Errorf("peer-go: there is no mode '%s'", mode))
	}
}
