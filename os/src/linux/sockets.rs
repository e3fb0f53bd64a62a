//! Finds the ports that processes listen on.

use std::collections::HashMap;
use std::io;

use super::procfs;
use crate::scan::Scan;
use crate::socket_table::{ListeningPort, ListeningSocket, Protocol, listening_sockets};

/// The tables of a machine with a hundred thousand connections have some 20 MB.
const LONGEST_TABLE: usize = 256 * 1024 * 1024;

const TABLES: [(&str, Protocol); 4] = [
    ("tcp", Protocol::Tcp),
    ("tcp6", Protocol::Tcp),
    ("udp", Protocol::Udp),
    ("udp6", Protocol::Udp),
];

/// The ports that these processes listen on, each in its own network namespace.
///
/// A UDP socket listens when it is bound and not connected.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace, or a table of sockets cannot be read.
pub fn listening_ports(pids: &[i32]) -> io::Result<Scan<ListeningPort>> {
    procfs::require_own_namespace()?;
    let mut scan = Scan::default();
    let mut tables: HashMap<u64, HashMap<u64, ListeningSocket>> = HashMap::new();
    for &pid in pids {
        match ports_of(pid, &mut tables) {
            Ok(ports) => scan.found.extend(ports),
            Err(error) if procfs::is_gone(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => scan.unreadable += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(scan)
}

/// The processes that have one of these sockets open, with the socket's inode.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn owners_of(inodes: &[u64]) -> io::Result<Scan<(i32, u64)>> {
    let mut scan = Scan::default();
    for pid in super::process_table::pids()? {
        match socket_inodes(pid) {
            Ok(open) => {
                let wanted = open.into_iter().filter(|inode| inodes.contains(inode));
                scan.found.extend(wanted.map(|inode| (pid, inode)));
            }
            Err(error) if procfs::is_gone(&error) => {}
            Err(_) if super::environment::is_kernel_thread(pid) => {}
            Err(_) => scan.unreadable += 1,
        }
    }
    Ok(scan)
}

fn ports_of(
    pid: i32,
    tables: &mut HashMap<u64, HashMap<u64, ListeningSocket>>,
) -> io::Result<Vec<ListeningPort>> {
    let open = socket_inodes(pid)?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let (_, namespace) = procfs::linked_file(&format!("/proc/{pid}/ns/net"))?;
    // One reading for all processes of a namespace.
    let table = match tables.entry(namespace) {
        std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
        std::collections::hash_map::Entry::Vacant(unread) => unread.insert(table_of(pid)?),
    };
    let listening = open.into_iter().filter_map(|inode| table.get(&inode));
    Ok(listening
        .map(|socket| ListeningPort {
            protocol: socket.protocol,
            address: socket.address,
            port: socket.port,
            pid,
        })
        .collect())
}

fn table_of(pid: i32) -> io::Result<HashMap<u64, ListeningSocket>> {
    let mut sockets = HashMap::new();
    for (name, protocol) in TABLES {
        let bytes = match procfs::read_all(&format!("/proc/{pid}/net/{name}"), LONGEST_TABLE) {
            Ok(bytes) => bytes,
            // A kernel without IPv6 has no such table; a process that ended has none at all.
            Err(error) if procfs::is_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&bytes);
        let found = listening_sockets(&text, protocol);
        sockets.extend(found.into_iter().map(|socket| (socket.inode, socket)));
    }
    Ok(sockets)
}

/// The inodes of the sockets that a process has open, without duplicates.
fn socket_inodes(pid: i32) -> io::Result<Vec<u64>> {
    let mut inodes: Vec<u64> = procfs::numbers_in(&format!("/proc/{pid}/fd"))?
        .into_iter()
        .filter_map(|number| std::fs::read_link(format!("/proc/{pid}/fd/{number}")).ok())
        .filter_map(|target| {
            target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .collect();
    inodes.sort_unstable();
    inodes.dedup();
    Ok(inodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn own_listeners_are_found_with_address_and_port() {
        let own = std::process::id() as i32;
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp6 = TcpListener::bind("[::1]:0").ok();
        let wanted = [
            Some((Protocol::Tcp, tcp.local_addr().unwrap())),
            Some((Protocol::Udp, udp.local_addr().unwrap())),
            tcp6.as_ref()
                .map(|socket| (Protocol::Tcp, socket.local_addr().unwrap())),
        ];
        let scan = listening_ports(&[own]).unwrap();
        for (protocol, address) in wanted.into_iter().flatten() {
            let port = ListeningPort {
                protocol,
                address: address.ip(),
                port: address.port(),
                pid: own,
            };
            assert!(scan.found.contains(&port), "{port:?} not in {scan:?}");
        }
        let inodes = socket_inodes(own).unwrap();
        assert!(
            owners_of(&inodes)
                .unwrap()
                .found
                .iter()
                .any(|(pid, _)| *pid == own)
        );
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_ports() {
        assert_eq!(listening_ports(&[i32::MAX]).unwrap(), Scan::default());
    }
}
