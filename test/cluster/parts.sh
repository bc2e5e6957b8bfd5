# shellcheck shell=bash
# The parts of the bench, for test/cluster/bench, which sources this: the certificates that they show each other, how each is
# started (start_PART), and when it is ready (ready_PART). A part is launched once; who asks for it waits until it is ready.

# ---- certificates ----------------------------------------------------------------------------------------------------

# issue NAME SUBJECT [SUBJECT_ALTERNATIVE_NAMES]: a key and a certificate of the bench's authority.
issue() {
  local extensions="extendedKeyUsage=clientAuth,serverAuth"
  [ -z "${3:-}" ] || extensions+=$'\n'"subjectAltName=$3"
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
    -extfile <(printf '%s\n' "$extensions") 2>/dev/null
  rm "$1.csr"
}

# kubeconfig NAME: on standard output, with all data inline, for the client certificate NAME.
kubeconfig() {
  cat <<END
apiVersion: v1
kind: Config
clusters: [{name: bench, cluster: {server: "$api", certificate-authority-data: "$(base64 -w0 ca.crt)"}}]
users: [{name: "$1", user: {client-certificate-data: "$(base64 -w0 "$1.crt")", client-key-data: "$(base64 -w0 "$1.key")"}}]
contexts: [{name: bench, context: {cluster: bench, user: "$1"}}]
current-context: bench
END
}

make_certificates() (
  mkdir -p "$state/certs"
  cd "$state/certs"
  umask 077
  openssl ecparam -name prime256v1 -genkey -noout -out ca.key
  openssl req -x509 -new -key ca.key -subj /CN=weir-bench -days 30 -out ca.crt
  openssl genrsa -out serviceaccount.key 2048 2>/dev/null
  issue apiserver /CN=kube-apiserver "IP:$node,IP:10.96.0.1,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,\
DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  issue node "/O=system:nodes/CN=system:node:bench" "IP:$node"
  issue admin /O=system:masters/CN=admin
  issue kubelet /O=system:masters/CN=bench-kubelet
  issue istiod /O=system:masters/CN=istiod
  issue operator /O=system:masters/CN=operator # one that runs beside the bench instead of in a pod
  issue controller-manager /CN=system:kube-controller-manager
  for name in kubelet istiod operator controller-manager; do kubeconfig "$name" >"$name.kubeconfig"; done
  kubeconfig admin >"$state/kubeconfig"
)

# ---- parts -----------------------------------------------------------------------------------------------------------

start_etcd() {
  launch etcd "$tools/etcd" --data-dir "$state/etcd" --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync \
    --log-level warn
}
ready_etcd() { fetch http://127.0.0.1:2379/health; }

start_apiserver() {
  # Tests and measurements read its audit log from end to end: it is not rotated.
  launch apiserver "$tools/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --bind-address="$node" \
    --advertise-address="$node" --secure-port=6443 --service-cluster-ip-range=10.96.0.0/16 \
    --tls-cert-file="$state/certs/apiserver.crt" --tls-private-key-file="$state/certs/apiserver.key" \
    --client-ca-file="$state/certs/ca.crt" --cert-dir="$state/certs" --authorization-mode=RBAC \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$state/certs/serviceaccount.key" \
    --service-account-signing-key-file="$state/certs/serviceaccount.key" \
    --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$state/certs/admin.crt" --kubelet-client-key="$state/certs/admin.key" \
    --audit-policy-file="$audit_policy" --audit-log-path="$state/audit.log" --audit-log-maxsize=4096
}
ready_apiserver() { kube get --raw /readyz; }

# Before the API server, at the same address and with the same certificate: what has to do with it is sent to its port.
start_faultproxy() {
  launch faultproxy "$state/bin/faultproxy" -listen "${faults#*//}" -control "${faults_control#*//}" -server "$api" \
    -ca "$state/certs/ca.crt" -cert "$state/certs/apiserver.crt" -key "$state/certs/apiserver.key"
}
ready_faultproxy() { fetch "$faults_control/state"; }

start_controller_manager() {
  launch controller-manager "$tools/kube-controller-manager" --kubeconfig="$state/certs/controller-manager.kubeconfig" \
    --controllers="clusterrole-aggregation-controller,deployment-controller,replicaset-controller,\
endpointslice-controller,garbage-collector-controller,namespace-controller,serviceaccount-controller,\
root-ca-certificate-publisher-controller,disruption-controller,job-controller" \
    --leader-elect=false --use-service-account-credentials=true --secure-port=0 --kube-api-qps=200 --kube-api-burst=400 \
    --root-ca-file="$state/certs/ca.crt" --service-account-private-key-file="$state/certs/serviceaccount.key"
}
ready_controller_manager() { kube -n default get serviceaccount/default configmap/kube-root-ca.crt; }

start_kubelet() {
  launch kubelet "$state/bin/kubelet" -kubeconfig "$state/certs/kubelet.kubeconfig" -node bench -address "$node" \
    -bridge weir0 -state "$state" -images "$state/images.json" -cert "$state/certs/node.crt" -key "$state/certs/node.key" \
    -token-refresh "${WEIR_TOKEN_REFRESH:-0s}"
}
ready_kubelet() { kube wait --for=condition=Ready node/bench --timeout=1s; }

# istiod takes further settings as ENV=VALUE; those that come later win.
start_istiod() {
  if [ -n "${WEIR_DEBOUNCE_S:-}" ]; then
    set -- "PILOT_DEBOUNCE_AFTER=${WEIR_DEBOUNCE_S}s" "PILOT_DEBOUNCE_MAX=$((WEIR_DEBOUNCE_S + 1))s" "$@"
  fi
  launch istiod env POD_NAME=istiod-0 POD_NAMESPACE=istio-system CLUSTER_ID=Kubernetes PILOT_CERT_PROVIDER=none \
    ENABLE_CA_SERVER=false INJECT_ENABLED=false VALIDATION_WEBHOOK_CONFIG_NAME= PILOT_ENABLE_METADATA_EXCHANGE=false \
    PILOT_ENABLE_ALPN_FILTER=false PILOT_ENABLE_GATEWAY_API=false "$@" \
    "$tools/pilot-discovery" discovery --kubeconfig "$state/certs/istiod.kubeconfig" --clusterID Kubernetes \
    --meshConfig "$here/manifests/mesh.yaml" --httpAddr "$node:8080" --httpsAddr= --secureGRPCAddr= \
    --grpcAddr "$node:15010" --monitoringAddr "$node:15014" --ctrlz_port 0
}
ready_istiod() { fetch "http://$node:8080/ready"; }

start_envoy() {
  launch envoy "$tools/envoy" -c "$here/manifests/envoy.yaml" --concurrency 1 --disable-hot-restart -l warning
}
# Ready when it has the gateway's listener, which answers whatever host is asked for.
ready_envoy() { inside curl -s --max-time 2 -o /dev/null "http://$gateway/"; }

start_istiostats() { launch istiostats "$state/bin/istiostats" -listen "$node:9101" -envoy "http://$gateway:15000"; }
ready_istiostats() { fetch "http://$node:9101/metrics"; }

start_prometheus() {
  local binary
  binary=$(command -v prometheus) || fail "prometheus is not installed (Debian package prometheus)"
  launch prometheus "$binary" --config.file="$prometheus_config" \
    --storage.tsdb.path="$state/prometheus" --web.listen-address="$node:9090" --log.level=warn
}
ready_prometheus() { fetch "http://$node:9090/-/ready"; }
