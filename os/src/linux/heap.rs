//! The C library's allocator.
#![expect(
    unsafe_code,
    reason = "older C libraries lack the function that reports the allocator's state"
)]

use std::sync::OnceLock;

use crate::usage::HeapUsage;

/// `struct mallinfo2` of glibc's `malloc.h`.
#[repr(C)]
struct Account {
    arena: usize,
    ordblks: usize,
    smblks: usize,
    hblks: usize,
    hblkhd: usize,
    usmblks: usize,
    fsmblks: usize,
    uordblks: usize,
    fordblks: usize,
    keepcost: usize,
}

type Mallinfo = unsafe extern "C" fn() -> Account;
type Trim = unsafe extern "C" fn(usize) -> libc::c_int;

/// Memory of the C library's allocator; `None` where it does not report it (glibc does since 2.33).
///
/// It locks the allocator's arenas one after the other and walks their free chunks: that is quick
/// unless there are very many. A thread that allocates in a locked arena waits.
#[must_use]
pub fn usage() -> Option<HeapUsage> {
    static FOUND: OnceLock<Option<Mallinfo>> = OnceLock::new();
    let ask = (*FOUND.get_or_init(|| {
        let found = symbol(c"mallinfo2")?;
        // SAFETY: glibc's function of this name has this signature.
        Some(unsafe { std::mem::transmute::<*mut libc::c_void, Mallinfo>(found) })
    }))?;
    // SAFETY: it takes nothing and returns a plain structure.
    let account = unsafe { ask() };
    Some(HeapUsage {
        in_use: (account.uordblks as u64).saturating_add(account.hblkhd as u64),
        held: (account.arena as u64).saturating_add(account.hblkhd as u64),
    })
}

/// Returns the unused memory of the C library's allocator to the kernel. Returns whether any was
/// returned; `None` where that is not supported.
///
/// It takes milliseconds if much is cached, and later allocations have to obtain the memory from
/// the kernel again.
#[must_use]
pub fn trim() -> Option<bool> {
    static FOUND: OnceLock<Option<Trim>> = OnceLock::new();
    let trim = (*FOUND.get_or_init(|| {
        let found = symbol(c"malloc_trim")?;
        // SAFETY: glibc's function of this name has this signature.
        Some(unsafe { std::mem::transmute::<*mut libc::c_void, Trim>(found) })
    }))?;
    // SAFETY: it takes a number; zero keeps nothing at the top.
    Some(unsafe { trim(0) } == 1)
}

/// The address of this function in the C library; `None` if it has none (musl, an older glibc).
fn symbol(name: &std::ffi::CStr) -> Option<*mut libc::c_void> {
    // SAFETY: the name ends with a zero; the default handle is always open.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_is_in_use() {
        let Some(before) = usage() else {
            return;
        };
        let memory = vec![1_u8; 64 << 20];
        let after = usage().unwrap();
        // Other tests free memory in the meantime.
        assert!(after.in_use + (16 << 20) >= before.in_use + memory.len() as u64);
        assert!(after.held >= after.in_use);
        assert!(trim().is_some());
    }
}
