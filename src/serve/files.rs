//! Room for as many connections as may be open: each is a file to the system, which has a limit of its own.

/// How many files are open besides the connections within the limit, at most: those that are there to be told that
/// there are too many (128), listeners, what is read of the source, and the runtime's own.
const RESERVE: u64 = 256;

/// Raises this process's limit of open files as far as it may, and returns how many connections may be open. For a
/// folder of manifests that is as many as the system allows. In a cluster it is `max_connections`, and a warning is
/// logged if the limit is too low for that: until there are as many nothing fails.
pub(super) fn make_room(max_connections: u32, is_folder: bool) -> u32 {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if is_folder => return max_connections.min(room(limit)),
        Ok(limit) => {
            if let Some(shortage) = shortage(limit, max_connections) {
                tracing::warn!("{shortage}");
            }
        }
        Err(error) => tracing::warn!(
            %error,
            "cannot raise the limit of open files; see that `ulimit -n` allows {} for --max-connections \
             {max_connections}",
            wanted(max_connections)
        ),
    }
    max_connections
}

/// How many connections this limit of open files has room for, at least one.
fn room(limit: u64) -> u32 {
    u32::try_from(limit.saturating_sub(RESERVE)).unwrap_or(u32::MAX).max(1)
}

fn wanted(max_connections: u32) -> u64 {
    u64::from(max_connections) + RESERVE
}

/// What is wrong with this limit of open files, if anything.
fn shortage(limit: u64, max_connections: u32) -> Option<String> {
    let wanted = wanted(max_connections);
    if limit >= wanted {
        return None;
    }
    let lower = match limit.checked_sub(RESERVE) {
        None | Some(0) => String::new(),
        Some(room) => format!(", or lower --max-connections to {room}"),
    };
    Some(format!(
        "this process may open {limit} files, but --max-connections {max_connections} needs {wanted}: further \
         connections will wait to be accepted; raise the hard limit of open files (ulimit -Hn, LimitNOFILE in \
         systemd, the container runtime's settings) to {wanted}{lower}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_the_limit_leaves() {
        for (limit, expect) in [(1024, 768), (256, 1), (0, 1), (u64::MAX, u32::MAX)] {
            assert_eq!(room(limit), expect, "{limit}");
        }
    }

    #[test]
    fn enough_is_nothing_to_say() {
        for limit in [20_256, 1_048_576, u64::MAX] {
            assert_eq!(shortage(limit, 20_000), None, "{limit}");
        }
    }

    #[test]
    fn too_few_are_told_with_both_numbers_and_what_helps() {
        for (limit, expect) in [
            (
                20_255,
                "systemd, the container runtime's settings) to 20256, or lower --max-connections to 19999",
            ),
            (
                1024,
                "may open 1024 files, but --max-connections 20000 needs 20256: further connections will wait",
            ),
            (1024, "to 20256, or lower --max-connections to 768"),
            (256, "the container runtime's settings) to 20256"),
        ] {
            let said = shortage(limit, 20_000).expect("it is too little");
            assert!(said.contains(expect), "{limit}: {said}");
        }
        assert!(
            !shortage(256, 20_000).expect("it is too little").contains("lower"),
            "there is no room for any"
        );
    }
}
