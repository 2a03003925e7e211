"""A node on which Pods run, without Docker: containerd, kubelet and kube-proxy beside a `Cluster`'s own servers.

    this machine                                         │ mount, network, process namespaces of the node
    etcd ◄── kube-apiserver ◄── controller-manager       │ pid 1 (`init`)   containerd ──► shims ──► Pods
                   ▲     ▲──── kube-scheduler            │ kubelet          kube-proxy
    Kafka, Postgres│                                     │
    10.250.0.1 ────┴── veth ── routes to Pods, Services ─┼─ 10.250.0.2 ── bridge ── 10.244.0.0/24

The servers stay where they always are, only at the veth's end of this machine, so Pods reach them and we reach Pods and
Services. When pid 1 dies everything in the namespaces dies with it: processes, mounts, interfaces, rules. Root on Linux
only. Read in this order: `layout`, `requirements`, `namespaces`, `node`; then `images` and `archive` for what the Pods
run, `installation` for Dapr and Taskbell on it.
"""
