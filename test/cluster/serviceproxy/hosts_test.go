package serviceproxy

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOwnServicesHaveTheirShortName(t *testing.T) {
	h := NewHosts(t.TempDir())
	file, err := h.File("shop")
	if err != nil {
		t.Fatal(err)
	}
	service := func(namespace, name, address string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.ServiceSpec{ClusterIP: address}}
	}
	h.write([]*corev1.Service{
		service("shop", "headless", "None"), service("shop", "checkout", "10.96.0.2"), service("default", "kubernetes", "10.96.0.1")})
	want := "127.0.0.1 localhost\n" +
		"10.96.0.1 kubernetes.default.svc.cluster.local kubernetes.default.svc kubernetes.default\n" +
		"10.96.0.2 checkout.shop.svc.cluster.local checkout.shop.svc checkout.shop checkout\n"
	if got, _ := os.ReadFile(file); string(got) != want {
		t.Errorf("hosts of shop:\n%s\nwant\n%s", got, want)
	}
}
