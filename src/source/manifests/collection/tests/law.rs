//! Law: for any sequence of contents of files, with valid, invalid and unreadable documents of objects of every kind,
//! what is known equals what a collection knows that reads only the versions that should be in force, at once and
//! without a history.

use proptest::{collection::vec, prelude::*};

use super::*;

const FILES: [&str; 3] = ["a.yaml", "b.yaml", "c.yaml"];

/// Documents that are no object with a kind and a name.
const UNREADABLE: [&str; 6] = [
    "a: [1,\n",
    "just text\n",
    "kind: Service\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: 5}\n",
    "- 1\n",
    "metadata: {name: x}\n spec: 1\n",
];

/// An object of each kind: its manifest with `@` for the part that versions differ in, and values that make the
/// manifest invalid there, or whole manifests that are invalid.
const OBJECTS: [(&str, &[&str]); 15] = [
    (
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: @}]}}",
        &["x", "0", "-1", "80, protocol: tcp"],
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {app: 'a@'}, ports: [{port: 80}]}}",
        &["'}, internalTrafficPolicy: local, x: {y: '", "', b: 1, c: '"],
    ),
    (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: @, selector: {matchLabels: \
         {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}}",
        &["many", "-1", "1.5", "[]"],
    ),
    (
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: @, serviceName: db, selector: \
         {matchLabels: {app: a1}}, template: {metadata: {labels: {app: a1}}, spec: {containers: [{name: c, image: i}]}}}}",
        &["many", "-1"],
    ),
    (
        "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: rs}, spec: {replicas: @, selector: {matchLabels: \
         {app: a2}}, template: {metadata: {labels: {app: a2}}, spec: {containers: [{name: c, image: i}]}}}}",
        &["many", "-1"],
    ),
    (
        "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: ds}, spec: {selector: {matchLabels: {app: a3}}, template: \
         {metadata: {labels: {app: a3, v: 'v@'}}, spec: {containers: [{name: c, image: i}]}}}}",
        &["', x: 1, y: '"],
    ),
    (
        "{apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplit, metadata: {name: web}, spec: {service: web, backends: \
         [{service: a, weight: @}, {service: web, weight: 9}]}}",
        &["-1", "99O", "50%", "[]", "null", "'x'", "1}, {service: '', weight: 1", "1}, {weight: 1"],
    ),
    (
        "{apiVersion: linkerd.io/v1alpha2, kind: ServiceProfile, metadata: {name: web.default.svc.cluster.local}, spec: \
         {routes: [], dstOverrides: [{authority: a.default.svc.cluster.local, weight: @}]}}",
        &["-1", "99O", "50%", "null", "1}, {weight: 1"],
    ),
    (
        "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: a1}}, spec: {containers: [{name: c, image: i, ports: \
         [{containerPort: @}]}]}}",
        &["x", "0", "80, protocol: http"],
    ),
    (
        "{apiVersion: v1, kind: Node, metadata: {name: node-1, labels: {topology.kubernetes.io/zone: 'z@'}}}",
        &["{apiVersion: v1, kind: Node, metadata: {name: node-1, labels: []}}"],
    ),
    (
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: {kubernetes.io/service-name: \
         other}}, addressType: IPv4, ports: [{name: '', port: 80}], endpoints: [{addresses: [192.0.2.@]}]}",
        &["x", "300", "1], conditions: {ready: 'no'}, hostname: [1"],
    ),
    (
        "{apiVersion: v1, kind: Endpoints, metadata: {name: other2}, subsets: [{addresses: [{ip: 192.0.2.@}], ports: [{port: \
         80}]}]}",
        &["x", "300"],
    ),
    (
        "{apiVersion: policy.linkerd.io/v1beta3, kind: Server, metadata: {name: s}, spec: {podSelector: {}, port: @, \
         proxyProtocol: opaque}}",
        &["0", "[]"],
    ),
    (
        "{apiVersion: workload.linkerd.io/v1beta1, kind: ExternalWorkload, metadata: {name: vm, labels: {app: a2}}, spec: \
         {meshTLS: {identity: i, serverName: s}, workloadIPs: [{ip: 192.0.2.1@}]}}",
        &["x", "x}, {ip: 1"],
    ),
    (
        "{apiVersion: batch/v1, kind: Job, metadata: {name: j, ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: \
         'c@', uid: u}]}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}",
        &["{apiVersion: batch/v1, kind: Job, metadata: {name: j, ownerReferences: 1}}"],
    ),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    Valid(u8),
    Invalid(usize),
    Unreadable(usize),
}

fn document(object: usize, version: Version) -> String {
    let (text, invalid) = OBJECTS[object];
    let text = match version {
        Version::Valid(number) => text.replace('@', &number.to_string()),
        Version::Invalid(pick) => match invalid[pick % invalid.len()] {
            whole if whole.starts_with("{apiVersion") => whole.to_owned(),
            value => text.replace('@', value),
        },
        Version::Unreadable(pick) => UNREADABLE[pick % UNREADABLE.len()].to_owned(),
    };
    format!("{text}\n---\n")
}

#[derive(Clone, Debug)]
enum Edit {
    /// Puts a version of an object into a file, or in its place if it is in one.
    Put(usize, usize, Version),
    /// Moves an object to a file in this version.
    Move(usize, usize, Version),
    /// Removes the object from its file.
    Remove(usize),
    /// Deletes a file.
    DeleteFile(usize),
    /// A file cannot be read at all.
    Unreadable(usize),
}

fn edits() -> impl Strategy<Value = Vec<Vec<Edit>>> {
    let version = prop_oneof![
        4 => (1..5u8).prop_map(Version::Valid),
        4 => any::<usize>().prop_map(Version::Invalid),
        1 => any::<usize>().prop_map(Version::Unreadable),
    ];
    let (object, file) = (0..OBJECTS.len(), 0..FILES.len());
    let edit = prop_oneof![
        12 => (object.clone(), file.clone(), version.clone()).prop_map(|(o, f, v)| Edit::Put(o, f, v)),
        3 => (object.clone(), file.clone(), version).prop_map(|(o, f, v)| Edit::Move(o, f, v)),
        2 => object.prop_map(Edit::Remove),
        1 => file.clone().prop_map(Edit::DeleteFile),
        1 => file.prop_map(Edit::Unreadable),
    ];
    vec(vec(edit, 1..4), 1..20)
}

/// What files say, and which version of each object should be in force.
#[derive(Default)]
struct World {
    /// What stands in each file, in order.
    files: BTreeMap<usize, Vec<(usize, Version)>>,
    /// The number of the version in force.
    in_force: BTreeMap<usize, u8>,
    /// Objects that may be in an unreadable document of a file.
    may_be_in: BTreeMap<usize, BTreeSet<usize>>,
}

impl World {
    fn place(&self, object: usize) -> Option<(usize, usize)> {
        self.files.iter().find_map(|(file, documents)| {
            Some((*file, documents.iter().position(|(other, _)| *other == object)?))
        })
    }

    /// Makes edits and returns the changes of files that they are.
    fn edit(&mut self, edits: &[Edit]) -> Vec<(Arc<Path>, Change)> {
        let before = self.files.clone();
        let mut changed = BTreeSet::new();
        let mut unreadable = BTreeSet::new();
        for edit in edits {
            match *edit {
                Edit::Put(object, file, version) => match self.place(object) {
                    Some((file, at)) => {
                        self.files.get_mut(&file).expect("it is there")[at].1 = version;
                        changed.insert(file);
                    }
                    None => {
                        self.files.entry(file).or_default().push((object, version));
                        changed.insert(file);
                    }
                },
                Edit::Move(object, to, version) => {
                    if let Some((from, at)) = self.place(object) {
                        self.files.get_mut(&from).expect("it is there").remove(at);
                        changed.insert(from);
                    }
                    self.files.entry(to).or_default().push((object, version));
                    changed.insert(to);
                }
                Edit::Remove(object) => {
                    if let Some((file, at)) = self.place(object) {
                        self.files.get_mut(&file).expect("it is there").remove(at);
                        changed.insert(file);
                    }
                }
                Edit::DeleteFile(file) => {
                    self.files.remove(&file);
                    changed.insert(file);
                }
                Edit::Unreadable(file) => _ = unreadable.insert(file),
            }
        }
        self.settle(&before, &changed);
        let change = |file: usize| {
            let change = match self.files.get(&file) {
                None => Change::Gone,
                Some(documents) => {
                    let text: String = documents.iter().map(|(o, v)| document(*o, *v)).collect();
                    Change::Content(text.into_bytes())
                }
            };
            (Arc::from(Path::new(FILES[file])), change)
        };
        let cannot_be_read = |file: &usize| {
            (Arc::from(Path::new(FILES[*file])), Change::Unreadable("cannot be read".to_owned()))
        };
        // Of a file that was never there nothing is known, which is the same.
        let unreadable = unreadable.iter().filter(|file| !changed.contains(file)).map(cannot_be_read);
        changed.iter().map(|file| change(*file)).chain(unreadable).collect()
    }

    /// Works out what should be in force after an edit.
    fn settle(&mut self, before: &BTreeMap<usize, Vec<(usize, Version)>>, changed: &BTreeSet<usize>) {
        let readable = |files: &BTreeMap<usize, Vec<(usize, Version)>>, file: usize| -> BTreeSet<usize> {
            let documents = files.get(&file).into_iter().flatten();
            documents
                .filter(|(_, version)| !matches!(version, Version::Unreadable(_)))
                .map(|(object, _)| *object)
                .collect()
        };
        let mut gained = BTreeSet::new();
        for &file in changed {
            let now = readable(&self.files, file);
            let mut then = readable(before, file);
            then.extend(self.may_be_in.remove(&file).unwrap_or_default());
            gained.extend(now.difference(&then).copied());
            let documents = self.files.get(&file).into_iter().flatten();
            if documents.into_iter().any(|(_, version)| matches!(version, Version::Unreadable(_))) {
                self.may_be_in.insert(file, then.difference(&now).copied().collect());
            }
        }
        for objects in self.may_be_in.values_mut() {
            objects.retain(|object| !gained.contains(object));
        }
        for object in 0..OBJECTS.len() {
            let version = self.place(object).map(|(file, at)| self.files[&file][at].1);
            let may_be_somewhere = self.may_be_in.values().any(|objects| objects.contains(&object));
            match version {
                Some(Version::Valid(number)) if !may_be_somewhere => {
                    self.in_force.insert(object, number);
                }
                Some(Version::Invalid(_)) => {}
                _ if may_be_somewhere => {}
                _ => _ = self.in_force.remove(&object),
            }
        }
    }

    /// One file with the versions that are in force.
    fn ideal(&self) -> String {
        self.in_force.iter().map(|(object, number)| document(*object, Version::Valid(*number))).collect()
    }
}

fn apply_to(objects: &mut BTreeMap<ObjectId, Object>, batch: Batch) {
    for event in batch.events {
        match event {
            Event::Upsert(object) => _ = objects.insert(object.id(), object),
            Event::Remove(id) => _ = objects.remove(&id),
            Event::Folder(_) => {}
            Event::Replace(kind, all) => {
                objects.retain(|id, _| id.kind != kind);
                objects.extend(all.into_iter().map(|object| (object.id(), object)));
            }
            Event::ReplaceExcept(..) => panic!("a folder knows all of its objects"),
        }
    }
}

#[test]
fn every_object_of_the_law_is_valid_in_its_valid_versions_and_in_no_other() {
    for (object, (_, invalid)) in OBJECTS.iter().enumerate() {
        let text = document(object, Version::Valid(1));
        let mut collection = Collection::default();
        let batch = put(&mut collection, "a.yaml", &text);
        assert!(findings(&batch).is_empty(), "{text} {:?}", findings(&batch));
        for pick in 0..invalid.len() {
            let text = document(object, Version::Invalid(pick));
            let batch = put(&mut collection, "a.yaml", &text);
            assert!(
                findings(&batch)[0].contains("; its last valid version, "),
                "{text} {:?}",
                findings(&batch)
            );
        }
        for pick in 0..UNREADABLE.len() {
            let text = document(object, Version::Unreadable(pick));
            let batch = put(&mut collection, "a.yaml", &text);
            assert!(findings(&batch)[0].contains("unreadable_file"), "{text} {:?}", findings(&batch));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn invalid_and_unreadable_versions_change_nothing(edits in edits()) {
        let (mut world, mut collection, mut known) = (World::default(), Collection::default(), BTreeMap::new());
        for (step, edits) in edits.iter().enumerate() {
            let changes = world.edit(edits);
            apply_to(&mut known, apply(&mut collection, changes));

            let mut expected = BTreeMap::new();
            apply_to(&mut expected, put(&mut Collection::default(), "ideal.yaml", &world.ideal()));
            prop_assert_eq!(&known, &expected, "after step {}: {:?}", step, edits);
        }
    }
}
