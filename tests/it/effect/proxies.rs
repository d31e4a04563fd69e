//! Meshed Pods whose proxy lacks variables that say where it listens.

use super::check;

#[tokio::test]
async fn pod_that_lacks_several_variables_names_all_of_them_in_one_warning() {
    let yaml = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web, linkerd.io/control-plane-ns: linkerd}}
spec:
  containers:
  - {name: main, image: x, ports: [{containerPort: 8080}]}
  - {name: linkerd-proxy, image: p, env: [ENV]}
status: {phase: Running, podIP: 10.1.2.3, conditions: [{type: Ready, status: 'True'}]}
";
    let env = |names: &[&str]| {
        let env =
            names.iter().map(|n| format!("{{name: LINKERD2_PROXY_{n}_LISTEN_ADDR, value: '0.0.0.0:4143'}}"));
        yaml.replace("ENV", &env.collect::<Vec<_>>().join(", "))
    };
    for (has, lacks) in [
        (&["INBOUND"][..], "LINKERD2_PROXY_ADMIN_LISTEN_ADDR and LINKERD2_PROXY_CONTROL_LISTEN_ADDR with"),
        (&["INBOUND", "ADMIN"], "expected LINKERD2_PROXY_CONTROL_LISTEN_ADDR with"),
        (
            &[],
            "LINKERD2_PROXY_ADMIN_LISTEN_ADDR, LINKERD2_PROXY_CONTROL_LISTEN_ADDR and LINKERD2_PROXY_INBOUND_LISTEN_ADDR with",
        ),
    ] {
        let (_, out) = check(&env(has)).await;
        let unusable: Vec<_> = out.lines().filter(|line| line.ends_with("[pod_unusable]")).collect();
        assert!(unusable.len() == 1 && unusable[0].contains(lacks), "{lacks} in\n{out}");
        let all = out.lines().filter(|line| line.ends_with(']')).count();
        assert_eq!(all, 1, "the Service has the same reason, once:\n{out}");
    }
}
