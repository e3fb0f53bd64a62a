//! The C library's allocator.
#![expect(
    unsafe_code,
    reason = "what an allocator has is asked of the C library, by a function that older ones lack"
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

/// What the C library's allocator has; `None` where it does not tell (glibc tells since 2.33).
///
/// It locks one arena of the allocator after the other and walks its free pieces: that is quick unless
/// there are very many, and a thread that allocates in that arena meanwhile waits.
#[must_use]
pub fn usage() -> Option<HeapUsage> {
    static FOUND: OnceLock<Option<Mallinfo>> = OnceLock::new();
    let ask = (*FOUND.get_or_init(|| {
        let found = symbol(c"mallinfo2")?;
        // SAFETY: glibc's function of this name has this signature.
        Some(unsafe { std::mem::transmute::<*mut libc::c_void, Mallinfo>(found) })
    }))?;
    // SAFETY: it takes nothing, and gives a plain structure.
    let account = unsafe { ask() };
    Some(HeapUsage {
        in_use: (account.uordblks as u64).saturating_add(account.hblkhd as u64),
        held: (account.arena as u64).saturating_add(account.hblkhd as u64),
    })
}

/// Gives what the C library's allocator keeps for later back to the kernel, and says whether it gave
/// anything; `None` where it cannot.
///
/// It takes milliseconds where much is kept, and what is given back must be taken again when it is
/// needed.
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

/// Where the C library has this function; `None` if it has none (musl, an older glibc).
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
        // Other tests give back what they have meanwhile.
        assert!(after.in_use + (16 << 20) >= before.in_use + memory.len() as u64);
        assert!(after.held >= after.in_use);
        assert!(trim().is_some());
    }
}
