//! What a change of a Pod costs Servers.

use super::*;
use crate::model::{Condition, Requirement, Selector, Server, ServerPort, ServerTarget};

fn pod(number: u16, app: &str) -> Object {
    let Object::Pod(mut pod) = super::pod(number, 0) else { unreachable!("it makes a Pod") };
    Arc::make_mut(&mut pod).labels = LabelSet::new([("app", app), ("pod-template-hash", "1")]).into();
    Object::Pod(pod)
}

fn server(app: &str) -> Object {
    let requirement = Requirement { key: "app".into(), condition: Condition::In(vec![app.into()]) };
    let pods = Some(Selector { requirements: vec![requirement] });
    let target = ServerTarget { pods, workloads: None, port: ServerPort::Number(80) };
    Object::Server(Arc::new(Server { name: NsName::new("d", app), opaque: Some(target), other: None }))
}

#[test]
fn server_with_pods_is_inspected_again_for_pods_with_its_label_and_for_servers_on_its_port_only() {
    let mut engine = synced_with(&[server("web"), server("api"), pod(1, "web"), pod(2, "api")]);
    let reads = |engine: &Engine, fact: &Fact| -> Vec<String> {
        let name = |dependent: &Dependent| match dependent {
            Dependent::Inspected(Inspected::Server(name)) => Some(name.name.to_string()),
            _ => None,
        };
        engine.dependents.of(fact).filter_map(name).collect()
    };
    let affected = |engine: &mut Engine, object: Object| -> BTreeSet<String> {
        let touched = engine.apply(vec![Event::Upsert(object)]).touched;
        touched.iter().flat_map(|fact| reads(engine, fact)).collect()
    };
    let none = BTreeSet::new();
    assert_eq!(affected(&mut engine, pod(3, "web")), none, "another Pod of a template");
    assert_eq!(affected(&mut engine, pod(4, "db")), none, "a Pod of another application");
    let mut other = server("web");
    if let Object::Server(server) = &mut other {
        Arc::make_mut(server).opaque.as_mut().expect("opaque").port = ServerPort::Number(81);
    }
    assert_eq!(
        affected(&mut engine, other),
        ["api", "web"].map(str::to_owned).into(),
        "Servers for the port that it leaves"
    );
    assert_eq!(affected(&mut engine, pod(5, "wbe")), none, "a Pod of another application");
}
