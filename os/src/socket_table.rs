//! The kernel's tables of sockets, line by line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// The transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A socket that accepts connections or datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListeningSocket {
    /// The protocol.
    pub protocol: Protocol,
    /// The local address; unspecified if it listens on all addresses.
    pub address: IpAddr,
    /// The local port.
    pub port: u16,
    /// The socket's inode number, by which the processes that have it open are found.
    pub inode: u64,
}

/// A port that a process listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ListeningPort {
    /// The protocol.
    pub protocol: Protocol,
    /// The local address; unspecified if it listens on all addresses.
    pub address: IpAddr,
    /// The local port.
    pub port: u16,
    /// A process that has the socket open; there may be several.
    pub pid: i32,
}

/// `TCP_LISTEN`, and `TCP_CLOSE`, which for UDP means bound and not connected.
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";

/// The listening sockets in a table of `/proc/net` (`tcp`, `tcp6`, `udp` or `udp6`).
///
/// The heading and malformed lines are skipped.
#[must_use]
pub fn listening_sockets(table: &str, protocol: Protocol) -> Vec<ListeningSocket> {
    table
        .lines()
        .filter_map(|line| listening_socket(line, protocol))
        .collect()
}

fn listening_socket(line: &str, protocol: Protocol) -> Option<ListeningSocket> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = endpoint(fields.nth(1)?)?;
    let (_, remote_port) = endpoint(fields.next()?)?;
    let wanted = match protocol {
        Protocol::Tcp => LISTEN,
        Protocol::Udp => UNCONNECTED,
    };
    let is_listening = fields.next()? == wanted && remote_port == 0 && port != 0;
    let inode = fields.nth(5)?.parse().ok()?;
    is_listening.then_some(ListeningSocket {
        protocol,
        address,
        port,
        inode,
    })
}

/// `0100007F:1F90`: the address as 32-bit words in the machine's byte order, the port as a number.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = [0_u8; 16];
    if !address.is_ascii() || !(address.len() == 8 || address.len() == 32) {
        return None;
    }
    for (word, digits) in bytes
        .chunks_exact_mut(4)
        .zip(address.as_bytes().chunks_exact(8))
    {
        let digits = std::str::from_utf8(digits).ok()?;
        word.copy_from_slice(&u32::from_str_radix(digits, 16).ok()?.to_ne_bytes());
    }
    let address = if address.len() == 8 {
        IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))
    } else {
        IpAddr::V6(Ipv6Addr::from(bytes))
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 12346 1 0000 20 4 30 10 -1
";

    #[cfg(target_endian = "little")]
    #[test]
    fn only_listening_sockets_are_returned() {
        let sockets = listening_sockets(TCP, Protocol::Tcp);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let wanted = ListeningSocket {
            protocol: Protocol::Tcp,
            address,
            port: 8080,
            inode: 12345,
        };
        assert_eq!(sockets, [wanted]);
        assert!(listening_sockets(TCP, Protocol::Udp).is_empty());
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn six_words_in_the_machines_order_are_an_address() {
        let (address, port) = endpoint("00000000000000000000000001000000:0050").unwrap();
        assert_eq!((address, port), (IpAddr::V6(Ipv6Addr::LOCALHOST), 80));
    }

    #[test]
    fn malformed_lines_are_skipped() {
        for line in [
            "",
            "0:",
            "0: x y 0A",
            "0: 0100007F:1F90 00000000:0000 0A",
            "0: 0100007F:1F90 00000000:0000 0A a a a a a x",
            "0: 0100007F:1F901 00000000:0000 0A a a a a a 1",
            "0: 0100007:1F90 00000000:0000 0A a a a a a 1",
            "0: ééééé:1F90 00000000:0000 0A a a a a a 1",
        ] {
            assert!(listening_sockets(line, Protocol::Tcp).is_empty(), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_only_sockets_that_are_in_it(text: String) {
            for socket in listening_sockets(&text, Protocol::Tcp) {
                assert!(socket.port != 0 && text.contains(LISTEN), "{socket:?}");
                assert!(text.contains(&socket.inode.to_string()), "{socket:?}");
            }
        }

        /// A line that is not of the table's form costs no other line.
        #[test]
        fn broken_lines_hide_no_sound_one(before: String, after: String) {
            let table = format!("{before}\n{TCP}{after}");
            let sockets = listening_sockets(&table, Protocol::Tcp);
            let found = sockets.iter().filter(|socket| socket.inode == 12345);
            assert_eq!(found.count(), 1, "{sockets:?}");
        }
    }
}
