//! The methods of the Destination service.

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Where the endpoints of a service are.
    Get,
    /// How its traffic is split.
    GetProfile,
}

impl Method {
    /// Every method, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Get, Self::GetProfile];

    /// The method that a request's path names.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.strip_prefix("/io.linkerd.proxy.destination.Destination/")?;
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// As in the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "Get",
            Self::GetProfile => "GetProfile",
        }
    }

    /// As a label of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::GetProfile => "get_profile",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_method_of_this_service_and_no_other() {
        let of_path = |path: &str| Method::of_path(path);
        assert_eq!(of_path("/io.linkerd.proxy.destination.Destination/Get"), Some(Method::Get));
        assert_eq!(of_path("/io.linkerd.proxy.destination.Destination/GetProfile"), Some(Method::GetProfile));
        for path in ["/io.linkerd.proxy.destination.Destination/get", "/x.Destination/Get", "Get", ""] {
            assert_eq!(of_path(path), None, "{path}");
        }
    }
}
