//! The C library's allocator.
#![expect(
    unsafe_code,
    reason = "what an allocator has is asked of the C library, by a function that older ones lack"
)]

use std::sync::OnceLock;

type Trim = unsafe extern "C" fn(usize) -> libc::c_int;

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
