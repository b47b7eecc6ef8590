package main

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"
	"github.com/vishvananda/netlink"
	core "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

const (
	// queue is the number of the packets' queue, in which rules of iptables put what is to be judged.
	queue = 100
	// judged is the set of addresses of Pods that policies hold for by now. A rule of iptables lets no other Pod out,
	// which is what networks do that know policies before a Pod begins.
	judged = "judged"
)

// networkPolicies enforces NetworkPolicies on one node. The rules that hand it the packets are made outside: those that
// it would make need a queue of nftables, which not every kernel has.
func networkPolicies() *cobra.Command {
	var kubeconfig, node string
	command := &cobra.Command{Use: "network-policies", SilenceUsage: true, RunE: func(c *cobra.Command, _ []string) error {
		return enforce(c.Context(), kubeconfig, node)
	}}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&node, "node", "", "the node's name")
	return command
}

func enforce(ctx context.Context, kubeconfig, node string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read %s: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client from %s: %w", kubeconfig, err)
	}
	known := informers.NewSharedInformerFactory(client, 0)
	judge, err := networkpolicy.NewController(client, known.Networking().V1().NetworkPolicies(), known.Core().V1().Namespaces(),
		known.Core().V1().Pods(), nil, nil, nil, nil, networkpolicy.Config{NodeName: node, QueueID: queue})
	if err != nil {
		return fmt.Errorf("make the judge of packets on %s: %w", node, err)
	}
	if err := follow(known.Core().V1().Pods().Informer(), node); err != nil {
		return err
	}
	known.Start(ctx.Done())
	return judge.Run(ctx)
}

// follow keeps the addresses of a node's Pods in the set.
func follow(pods cache.SharedIndexInformer, node string) error {
	err := netlink.IpsetCreate(judged, "hash:ip", netlink.IpsetCreateOptions{Replace: true})
	if err != nil {
		return fmt.Errorf("make the set of addresses %s: %w", judged, err)
	}
	if err := netlink.IpsetFlush(judged); err != nil { // where this was killed, others have its Pods' addresses now
		return fmt.Errorf("empty the set of addresses %s: %w", judged, err)
	}
	change := func(o any, apply func(string, *netlink.IPSetEntry) error) {
		if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = gone.Obj
		}
		pod := o.(*core.Pod)
		address := net.ParseIP(pod.Status.PodIP)
		if address == nil || pod.Spec.NodeName != node || pod.Spec.HostNetwork {
			return
		}
		if err := apply(judged, &netlink.IPSetEntry{IP: address, Replace: true}); err != nil {
			klog.ErrorS(err, "change the set of addresses", "address", address)
		}
	}
	over := func(o any) bool {
		pod := o.(*core.Pod)
		return pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
	}
	_, err = pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) {
			if !over(o) {
				change(o, netlink.IpsetAdd)
			}
		},
		UpdateFunc: func(before, o any) {
			if !over(o) {
				change(o, netlink.IpsetAdd)
			} else if !over(before) { // its address may be another Pod's soon
				change(o, netlink.IpsetDel)
			}
		},
		DeleteFunc: func(o any) {
			change(o, netlink.IpsetDel)
		},
	})
	return err
}
