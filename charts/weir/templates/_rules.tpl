{{- /*
What the operator may do in the namespaces that it serves, and why. `get` stands beside every `list`: it shows nothing more.
Every change is a patch on condition of the version that was read; nothing is written with "update".
*/}}
{{- define "weir.rules" -}}
# The releases. get, list, watch: to know them. patch: the finalizer, without which a deleted Canary could leave
# traffic divided. delete: ttlSecondsAfterFinished.
- apiGroups: [weir.dev]
  resources: [canaries]
  verbs: [get, list, watch, patch, delete]
# patch: status is the only memory of a release.
- apiGroups: [weir.dev]
  resources: [canaries/status]
  verbs: [patch]
# get, list, watch: queries that Canaries name.
- apiGroups: [weir.dev]
  resources: [metrictemplates]
  verbs: [get, list, watch]
# get, list, watch: both versions, their pod templates and readiness. patch: replicas, of the candidate before it gets
# all traffic, and of the version that lost.{{ if .Values.allowDeleteStable }} delete: stable.afterPromotion: Delete.{{ end }}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, patch{{ if .Values.allowDeleteStable }}, delete{{ end }}]
# get, list: why the candidate's pods are not ready (CrashLoopBackOff, ImagePullBackOff …).
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list]
# get, list, watch: what clients call. create, delete: a Service for each version during the release. patch: the
# version in the selector of the Service that is released.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# get, list, watch: no traffic is sent to a version without ready endpoints.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
# get, list, watch: the routes to the Service, and those of others that would get in the way. patch: the weights.
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [get, list, watch, patch]
# get, list, watch: which rule applies to the Service. create, delete: a rule where there is none. patch: subsets.
- apiGroups: [networking.istio.io]
  resources: [destinationrules]
  verbs: [get, list, watch, create, patch, delete]
# create: what happens to a release, for kubectl describe. patch: how often it happened.
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- with .Values.secretNames }}
# get: credentials of the Prometheus that a MetricTemplate names; only these Secrets.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
{{- end }}
