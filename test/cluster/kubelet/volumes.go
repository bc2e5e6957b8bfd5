package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	tokenSeconds      = int64(3600)
	tokenLifeShare    = 0.8 // of a token's life, after which it is renewed
	tokenRetryPeriod  = 5 * time.Second
	hostsPath         = "/etc/hosts"
	readableMode      = os.FileMode(0o644)
	worldWritableMode = os.FileMode(0o777)
)

// mountVolumes makes the pod's volumes as folders and returns each container's mounts. May be called again after an
// error. ConfigMaps and Secrets are copied once; ServiceAccount tokens are renewed while the pod lives.
func (p *pod) mountVolumes() (map[string][]mount, error) {
	ctx, cancel := context.WithTimeout(p.life, requestTimeout)
	defer cancel()
	sources := map[string]string{}
	for i := range p.seen().Spec.Volumes {
		volume := &p.seen().Spec.Volumes[i]
		source, err := p.makeVolume(ctx, volume)
		if err != nil {
			return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", volume.Name, err)
		}
		sources[volume.Name] = source
	}
	hosts, err := p.k.hosts.File(p.seen().Namespace)
	if err != nil {
		return nil, err
	}
	mounts := map[string][]mount{}
	for _, c := range p.containers {
		all := []mount{{Source: hosts, Target: hostsPath, ReadOnly: true}}
		for _, m := range c.spec.VolumeMounts {
			source, ok := sources[m.Name]
			if !ok {
				return nil, fmt.Errorf("volume %q of container %s is not defined", m.Name, c.spec.Name)
			}
			all = append(all, mount{Source: filepath.Join(source, m.SubPath), Target: m.MountPath, ReadOnly: m.ReadOnly})
		}
		mounts[c.spec.Name] = all
	}
	return mounts, nil
}

func (p *pod) makeVolume(ctx context.Context, volume *corev1.Volume) (string, error) {
	folder := filepath.Join(p.volumeFolder(), volume.Name)
	if volume.HostPath != nil {
		return volume.HostPath.Path, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	switch {
	case volume.EmptyDir != nil:
		return folder, os.Chmod(folder, worldWritableMode)
	case volume.ConfigMap != nil:
		values, err := p.configMap(ctx, volume.ConfigMap.Name, optional(volume.ConfigMap.Optional))
		if err != nil {
			return "", err
		}
		return folder, writeItems(folder, values, volume.ConfigMap.Items)
	case volume.Secret != nil:
		values, err := p.secret(ctx, volume.Secret.SecretName, optional(volume.Secret.Optional))
		if err != nil {
			return "", err
		}
		return folder, writeItems(folder, values, volume.Secret.Items)
	case volume.DownwardAPI != nil:
		return folder, p.writeFields(folder, volume.DownwardAPI.Items)
	case volume.Projected != nil:
		for i := range volume.Projected.Sources {
			if err := p.project(ctx, folder, &volume.Projected.Sources[i]); err != nil {
				return "", err
			}
		}
		return folder, nil
	}
	return "", fmt.Errorf("the bench knows emptyDir, hostPath, configMap, secret, downwardAPI and projected volumes only")
}

func (p *pod) project(ctx context.Context, folder string, source *corev1.VolumeProjection) error {
	switch {
	case source.ServiceAccountToken != nil:
		return p.projectToken(ctx, folder, source.ServiceAccountToken)
	case source.ConfigMap != nil:
		values, err := p.configMap(ctx, source.ConfigMap.Name, optional(source.ConfigMap.Optional))
		if err != nil {
			return err
		}
		return writeItems(folder, values, source.ConfigMap.Items)
	case source.Secret != nil:
		values, err := p.secret(ctx, source.Secret.Name, optional(source.Secret.Optional))
		if err != nil {
			return err
		}
		return writeItems(folder, values, source.Secret.Items)
	case source.DownwardAPI != nil:
		return p.writeFields(folder, source.DownwardAPI.Items)
	}
	return fmt.Errorf("the bench does not know this source of a projected volume")
}

// writeItems writes the chosen keys, or all of them when none is chosen.
func writeItems(folder string, values map[string]string, items []corev1.KeyToPath) error {
	if len(items) == 0 {
		for key := range values {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	for _, item := range items {
		value, ok := values[item.Key]
		if !ok {
			return fmt.Errorf("references non-existent config key: %s", item.Key)
		}
		if err := writeFile(folder, item.Path, value); err != nil {
			return err
		}
	}
	return nil
}

func (p *pod) writeFields(folder string, items []corev1.DownwardAPIVolumeFile) error {
	for _, item := range items {
		if item.FieldRef == nil {
			return fmt.Errorf("the bench knows only fieldRef items of the downward API")
		}
		value, err := p.field(item.FieldRef.FieldPath)
		if err != nil {
			return err
		}
		if err := writeFile(folder, item.Path, value); err != nil {
			return err
		}
	}
	return nil
}

// writeFile replaces the file at once, so that a reader sees the old or the new content whole.
func writeFile(folder, path, content string) error {
	file := filepath.Join(folder, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	partial := file + ".new"
	if err := os.WriteFile(partial, []byte(content), readableMode); err != nil {
		return err
	}
	return os.Rename(partial, file)
}

// projectToken writes a token and keeps it fresh while the pod lives.
func (p *pod) projectToken(ctx context.Context, folder string, source *corev1.ServiceAccountTokenProjection) error {
	life, err := p.writeToken(ctx, folder, source)
	if err != nil {
		return err
	}
	go func() {
		for p.waitForRenewal(life) {
			ctx, cancel := context.WithTimeout(p.life, requestTimeout)
			renewed, err := p.writeToken(ctx, folder, source)
			cancel()
			if err != nil {
				log.Printf("cannot renew a token of pod %s: %v", p.seen().Name, err)
				renewed = time.Duration(float64(tokenRetryPeriod) / tokenLifeShare)
			}
			life = renewed
		}
	}()
	return nil
}

func (p *pod) waitForRenewal(life time.Duration) bool {
	wait := time.Duration(float64(life) * tokenLifeShare)
	if p.k.tokenRefresh > 0 {
		wait = p.k.tokenRefresh
	}
	return pause(p.life, wait)
}

// writeToken returns how long the new token lives.
func (p *pod) writeToken(ctx context.Context, folder string, source *corev1.ServiceAccountTokenProjection) (time.Duration, error) {
	object := p.seen()
	seconds := tokenSeconds
	if source.ExpirationSeconds != nil {
		seconds = *source.ExpirationSeconds
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: object.Name, UID: object.UID},
	}}
	if source.Audience != "" {
		request.Spec.Audiences = []string{source.Audience}
	}
	answer, err := p.k.client.CoreV1().ServiceAccounts(object.Namespace).CreateToken(
		ctx, object.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("cannot get a token for ServiceAccount %s: %w", object.Spec.ServiceAccountName, err)
	}
	return time.Until(answer.Status.ExpirationTimestamp.Time), writeFile(folder, source.Path, answer.Status.Token)
}
