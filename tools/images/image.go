package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
)

// user is who every image runs as. Its number is what Kubernetes compares with
// runAsNonRoot, so it stands in the configuration as a number.
const user = "65532:65532"

const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// entry is a file, or with a name that ends in a slash a folder.
type entry struct {
	name string
	mode int64
	uid  int
	data []byte
}

// base is what every image holds beside its binary.
func base(authorities []byte) []entry {
	return []entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o444, data: []byte("root:x:0:\nnonroot:x:65532:\n")},
		{name: "etc/passwd", mode: 0o444, data: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o444, data: authorities},
		{name: "home/", mode: 0o755},
		{name: "home/nonroot/", mode: 0o700, uid: 65532},
		{name: "tmp/", mode: 0o1777},
	}
}

type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *platform         `json:"platform,omitempty"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// config is the image's configuration; without a time, so that it is always the same.
type config struct {
	platform
	Config struct {
		User       string
		Env        []string
		Entrypoint []string
		WorkingDir string
		Labels     map[string]string
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// image gathers the blobs of one image for all its platforms.
type image struct {
	name, version string
	manifests     []descriptor
	blobs         []entry
	stored        map[string]bool
}

// add makes the image of one platform out of layers.
func (img *image) add(p platform, layers ...[]entry) error {
	cfg := config{platform: p}
	cfg.Config.User = user
	cfg.Config.Env = []string{"PATH=/"}
	cfg.Config.Entrypoint = []string{"/" + img.name}
	cfg.Config.WorkingDir = "/"
	cfg.Config.Labels = map[string]string{
		"org.opencontainers.image.title":    img.name,
		"org.opencontainers.image.version":  img.version,
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	cfg.RootFS.Type = "layers"
	m := manifest{SchemaVersion: 2, MediaType: typeManifest}
	for _, files := range layers {
		plain, err := archive(files)
		if err != nil {
			return err
		}
		packed, err := compress(plain)
		if err != nil {
			return err
		}
		cfg.RootFS.DiffIDs = append(cfg.RootFS.DiffIDs, digest(plain))
		m.Layers = append(m.Layers, img.store(typeLayer, packed))
	}
	var err error
	if m.Config, err = img.storeJSON(typeConfig, cfg); err != nil {
		return err
	}
	d, err := img.storeJSON(typeManifest, m)
	if err != nil {
		return err
	}
	d.Platform = &p
	img.manifests = append(img.manifests, d)
	return nil
}

// archive is the layout of the OCI image specification in a tar file. Its index names
// one index, which names the platforms: tools then take it for one image.
func (img *image) archive() ([]byte, error) {
	platforms, err := img.storeJSON(typeIndex, index{SchemaVersion: 2, MediaType: typeIndex, Manifests: img.manifests})
	if err != nil {
		return nil, err
	}
	platforms.Annotations = map[string]string{
		"org.opencontainers.image.ref.name": img.version,
		"io.containerd.image.name":          "localhost/" + img.name + ":" + img.version,
	}
	top, err := json.Marshal(index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{platforms}})
	if err != nil {
		return nil, err
	}
	files := []entry{
		{name: "oci-layout", mode: 0o444, data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: "index.json", mode: 0o444, data: top},
		{name: "blobs/", mode: 0o755},
		{name: "blobs/sha256/", mode: 0o755},
	}
	return archive(append(files, img.blobs...))
}

func (img *image) storeJSON(mediaType string, v any) (descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return descriptor{}, err
	}
	return img.store(mediaType, data), nil
}

// store keeps a blob once, under its digest.
func (img *image) store(mediaType string, data []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(data), Size: len(data)}
	if img.stored == nil {
		img.stored = map[string]bool{}
	}
	if !img.stored[d.Digest] {
		img.stored[d.Digest] = true
		img.blobs = append(img.blobs, entry{name: "blobs/sha256/" + d.Digest[len("sha256:"):], mode: 0o444, data: data})
	}
	return d
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// archive writes files into a tar file, all of the same, earliest time.
func archive(files []entry) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.uid, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
