//! Random bytes.

/// Random bytes from the kernel.
///
/// # Panics
/// Never on a running system: `getrandom` cannot fail for 16 bytes once the pool is initialised,
/// and it blocks until then.
#[must_use]
pub fn bytes() -> [u8; 16] {
    let mut bytes = [0_u8; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("getrandom failed on a running system: {error}"),
        }
    }
    bytes
}
