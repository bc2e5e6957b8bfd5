package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const servicePort = "443"

// environment keeps the order in which variables were defined; a later definition of a name replaces the value.
type environment struct {
	names  []string
	values map[string]string
}

func (e *environment) set(name, value string) {
	if _, known := e.values[name]; !known {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

func (e *environment) lines() []string {
	lines := make([]string, 0, len(e.names))
	for _, name := range e.names {
		lines = append(lines, name+"="+e.values[name])
	}
	return lines
}

// expand replaces $(NAME) by the variable's value. $$(NAME) stands for the text $(NAME), and a reference to a variable
// that isn't defined stays as it is.
func expand(text string, variables *environment) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		if strings.HasPrefix(rest, "$$") {
			out.WriteByte('$')
			i++
			continue
		}
		if end := strings.IndexByte(rest, ')'); strings.HasPrefix(rest, "$(") && end > 0 {
			if value, ok := variables.values[rest[2:end]]; ok {
				out.WriteString(value)
				i += end
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func expandAll(texts []string, variables *environment) []string {
	expanded := make([]string, 0, len(texts))
	for _, text := range texts {
		expanded = append(expanded, expand(text, variables))
	}
	return expanded
}

// environment is what the container's process is given. The error names what is missing.
func (c *container) environment() (*environment, error) {
	object := c.pod.seen()
	e := &environment{values: map[string]string{}}
	e.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	e.set("HOSTNAME", object.Name)
	e.set("HOME", "/")
	e.set("KUBERNETES_SERVICE_HOST", c.pod.k.service)
	e.set("KUBERNETES_SERVICE_PORT", servicePort)
	e.set("KUBERNETES_SERVICE_PORT_HTTPS", servicePort)
	ctx, cancel := context.WithTimeout(c.pod.life, requestTimeout)
	defer cancel()
	for _, source := range c.spec.EnvFrom {
		if err := c.takeAll(ctx, source, e); err != nil {
			return nil, err
		}
	}
	for _, variable := range c.spec.Env {
		if variable.ValueFrom == nil {
			e.set(variable.Name, expand(variable.Value, e))
			continue
		}
		value, found, err := c.valueFrom(ctx, variable.ValueFrom)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", variable.Name, err)
		}
		if found {
			e.set(variable.Name, value)
		}
	}
	return e, nil
}

func optional(flag *bool) bool { return flag != nil && *flag }

func (c *container) takeAll(ctx context.Context, source corev1.EnvFromSource, e *environment) error {
	var values map[string]string
	var err error
	switch {
	case source.ConfigMapRef != nil:
		values, err = c.pod.configMap(ctx, source.ConfigMapRef.Name, optional(source.ConfigMapRef.Optional))
	case source.SecretRef != nil:
		values, err = c.pod.secret(ctx, source.SecretRef.Name, optional(source.SecretRef.Optional))
	}
	for name, value := range values {
		e.set(source.Prefix+name, value)
	}
	return err
}

func (c *container) valueFrom(ctx context.Context, source *corev1.EnvVarSource) (value string, found bool, err error) {
	var values map[string]string
	var key string
	var mayLack bool
	switch {
	case source.FieldRef != nil:
		value, err = c.pod.field(source.FieldRef.FieldPath)
		return value, err == nil, err
	case source.ConfigMapKeyRef != nil:
		ref := source.ConfigMapKeyRef
		key, mayLack = ref.Key, optional(ref.Optional)
		values, err = c.pod.configMap(ctx, ref.Name, mayLack)
	case source.SecretKeyRef != nil:
		ref := source.SecretKeyRef
		key, mayLack = ref.Key, optional(ref.Optional)
		values, err = c.pod.secret(ctx, ref.Name, mayLack)
	default:
		return "", false, fmt.Errorf("the bench knows values from fields, ConfigMaps and Secrets only")
	}
	if err != nil {
		return "", false, err
	}
	value, found = values[key]
	if !found && !mayLack {
		return "", false, fmt.Errorf("couldn't find key %s", key)
	}
	return value, found, nil
}

// field is a value of the downward API.
func (p *pod) field(path string) (string, error) {
	object := p.seen()
	if kind, rest, ok := strings.Cut(path, "['"); ok {
		key := strings.TrimSuffix(rest, "']")
		switch kind {
		case "metadata.labels":
			return object.Labels[key], nil
		case "metadata.annotations":
			return object.Annotations[key], nil
		}
	}
	switch path {
	case "metadata.name":
		return object.Name, nil
	case "metadata.namespace":
		return object.Namespace, nil
	case "metadata.uid":
		return string(object.UID), nil
	case "spec.nodeName":
		return object.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return object.Spec.ServiceAccountName, nil
	case "status.hostIP":
		return p.k.address, nil
	case "status.podIP", "status.podIPs":
		return p.address(), nil
	}
	return "", fmt.Errorf("the bench does not know the field %s", path)
}

// configMap returns the data of a ConfigMap in the pod's namespace; nothing when it may lack and does.
func (p *pod) configMap(ctx context.Context, name string, mayLack bool) (map[string]string, error) {
	object, err := p.k.client.CoreV1().ConfigMaps(p.seen().Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		if gone(err) && mayLack {
			return nil, nil
		}
		return nil, err
	}
	return object.Data, nil
}

// secret returns the decoded data of a Secret, as configMap does.
func (p *pod) secret(ctx context.Context, name string, mayLack bool) (map[string]string, error) {
	object, err := p.k.client.CoreV1().Secrets(p.seen().Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		if gone(err) && mayLack {
			return nil, nil
		}
		return nil, err
	}
	values := map[string]string{}
	for key, value := range object.Data {
		values[key] = string(value)
	}
	return values, nil
}
