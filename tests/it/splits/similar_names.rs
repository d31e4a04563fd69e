//! Warnings about missing Services name the Service that was most likely meant.

use crate::mesh::Mesh;

/// The message of the only warning.
#[track_caller]
fn warning(mesh: &Mesh) -> String {
    match mesh.warnings().as_slice() {
        [warning] => warning.message.clone(),
        warnings => panic!("expected one warning, found {warnings:#?}"),
    }
}

#[test]
fn missing_backend_names_the_similar_service_as_services_come_and_go() {
    let mut mesh =
        Mesh::given("service reviews 80; endpoints reviews R1; split reviews reviewsx=1 reviews=1");
    const MISSING: &str =
        "there is no Service d/reviewsx; its share goes to the backends that have endpoints, if any has";
    assert_eq!(warning(&mesh), format!("{MISSING}; did you mean reviews?"));

    mesh.edit("service reviewsy 80");
    assert_eq!(warning(&mesh), format!("{MISSING}; did you mean reviews?"));
    mesh.edit("- service reviewsy; service aviewsx 80");
    assert_eq!(warning(&mesh), format!("{MISSING}; did you mean reviews?"));
    mesh.edit("service eviewsx 80");
    assert_eq!(warning(&mesh), format!("{MISSING}; did you mean eviewsx?"));
    mesh.edit("- service eviewsx");
    assert_eq!(warning(&mesh), format!("{MISSING}; did you mean reviews?"));
}

#[test]
fn missing_apex_names_the_similar_service() {
    let mut mesh = Mesh::given("service web-a 80; endpoints web-a A1; split wbe web-a=1");
    assert_eq!(warning(&mesh), "there is no Service d/wbe; create it, or name an existing one");
    mesh.edit("service web 80");
    assert_eq!(warning(&mesh), "there is no Service d/wbe; did you mean web?");
}
