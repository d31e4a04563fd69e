//! Room for as many connections as may be open: each is a file to the system, which has a limit of its own.

/// How many files are open besides the connections within the limit, at most: those that are there to be told that
/// there are too many (128), those of the admin port (200), listeners, what is read of the source, and the runtime's own.
const RESERVE: u64 = 512;

/// Raises this process's limit of open files as far as it may, and returns how many connections may be open: no more
/// than leave files for probes. In a cluster a warning is logged if that is less than `max_connections`.
pub(super) fn make_room(max_connections: u32, is_folder: bool) -> u32 {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => {
            if let Some(shortage) = shortage(limit, max_connections).filter(|_| !is_folder) {
                tracing::warn!("{shortage}");
            }
            return max_connections.min(room(limit));
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
    let room = room(limit);
    Some(format!(
        "this process may open {limit} files, but --max-connections {max_connections} needs {wanted}: at most {room} \
         connections are accepted; raise the hard limit of open files (ulimit -Hn, LimitNOFILE in systemd, the \
         container runtime's settings) to {wanted}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_the_limit_leaves() {
        for (limit, expect) in [(1024, 512), (512, 1), (0, 1), (u64::MAX, u32::MAX)] {
            assert_eq!(room(limit), expect, "{limit}");
        }
    }

    #[test]
    fn enough_is_nothing_to_say() {
        for limit in [20_512, 1_048_576, u64::MAX] {
            assert_eq!(shortage(limit, 20_000), None, "{limit}");
        }
    }

    #[test]
    fn too_few_are_reported_with_what_is_accepted_and_what_helps() {
        for (limit, accepted) in [(20_511, 19_999), (1024, 512), (100, 1)] {
            let said = shortage(limit, 20_000).expect("it is too little");
            let expect = format!(
                "may open {limit} files, but --max-connections 20000 needs 20512: at most {accepted} connections"
            );
            assert!(said.contains(&expect) && said.ends_with("to 20512"), "{limit}: {said}");
        }
    }
}
