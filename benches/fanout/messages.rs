//! gRPC messages in the body of a stream, counted in whatever pieces they come.

/// Bytes before each message.
const PREFIX: usize = 5;

/// Who is given each message.
type Look<'l> = &'l mut dyn FnMut(&[u8]);

/// One stream, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// Messages that have come as a whole.
    pub(super) count: u32,
    /// What came of the next prefix.
    prefix: [u8; PREFIX],
    has: u8,
    /// Bytes that are missing of the message that has begun.
    missing: u32,
    /// What came of it, if messages are looked at.
    part: Vec<u8>,
}

impl Messages {
    /// Reads on. If messages are to be looked at, `look` is given each.
    pub(super) fn read(&mut self, mut data: &[u8], mut look: Option<Look<'_>>) {
        while !data.is_empty() {
            if self.missing == 0 {
                let Some(rest) = self.begin(data) else { return };
                data = rest;
            }
            let (now, rest) = data.split_at(data.len().min(self.missing as usize));
            data = rest;
            self.missing -= u32::try_from(now.len()).expect("at most what is missing");
            let ends = self.missing == 0;
            self.count += u32::from(ends);
            if let Some(look) = &mut look {
                if ends && self.part.is_empty() {
                    look(now);
                } else {
                    self.part.extend_from_slice(now);
                    if ends {
                        look(&std::mem::take(&mut self.part));
                    }
                }
            }
        }
    }

    /// Reads a prefix, and says what is behind it. `None` if it has not come as a whole.
    fn begin<'d>(&mut self, data: &'d [u8]) -> Option<&'d [u8]> {
        let has = usize::from(self.has);
        let (now, rest) = data.split_at(data.len().min(PREFIX - has));
        self.prefix[has..has + now.len()].copy_from_slice(now);
        self.has += u8::try_from(now.len()).expect("at most five");
        if usize::from(self.has) < PREFIX {
            return None;
        }
        self.has = 0;
        let [_, length @ ..] = self.prefix;
        self.missing = u32::from_be_bytes(length);
        // No answer is empty.
        assert!(self.missing > 0, "an empty message");
        Some(rest)
    }
}

/// The IPv4 addresses that an `Update` adds. By hand: decoding it would cost more than the server spends on it.
pub(super) fn added(update: &[u8]) -> impl Iterator<Item = u32> {
    // Update.add.addrs.addr.ip.ipv4
    let addrs = fields(update, 1).flat_map(|add| fields(add, 1));
    let ips = addrs.flat_map(|addr| fields(addr, 1)).flat_map(|tcp| fields(tcp, 1));
    ips.flat_map(|ip| fields(ip, 1)).filter_map(|ip| ip.try_into().ok().map(u32::from_le_bytes))
}

/// The values of a field of a message, as far as they are bytes.
fn fields(mut message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let key = varint(&mut message)?;
            let length = match key & 7 {
                0 => {
                    varint(&mut message)?;
                    continue;
                }
                1 => 8,
                5 => 4,
                _ => varint(&mut message)?,
            };
            let (value, rest) = message.split_at_checked(usize::try_from(length).ok()?)?;
            message = rest;
            if key >> 3 == number {
                return Some(value);
            }
        }
    })
}

fn varint(data: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = data.split_first()?;
        *data = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
