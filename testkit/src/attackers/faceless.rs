//! A process that shows neither arguments nor environment, as one does that is executing a program.
#![expect(
    unsafe_code,
    reason = "where a process keeps its environment is changed by prctl only"
)]

use std::io;

/// `struct prctl_mm_map` of the kernel's `prctl.h`: where the parts of a process's memory are.
#[repr(C)]
struct MemoryMap {
    /// From the start of the code to the end of the environment.
    places: [u64; 11],
    auxiliary: u64,
    auxiliary_size: u32,
    executable: u32,
}

/// The fields of `proc_pid_stat(5)` in the order of the map's places, but the heap's end and with the
/// ends of arguments and environment where they begin.
const FIELDS: [usize; 11] = [26, 27, 45, 46, 47, 47, 28, 48, 48, 50, 50];
/// The index of the heap's end, which the kernel's header does not define here.
const HEAP_END: usize = 5;

/// Hides arguments and environment from other processes, for the lifetime of this process, as if it were
/// executing a program all that time.
///
/// # Errors
/// The kernel cannot (it takes `CONFIG_CHECKPOINT_RESTORE`), or `/proc` is hidden.
pub fn become_faceless() -> io::Result<()> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut map = MemoryMap {
        places: [0; 11],
        auxiliary: 0,
        auxiliary_size: 0,
        executable: u32::MAX,
    };
    for (place, number) in map.places.iter_mut().zip(FIELDS) {
        // Field 3 is the first after the name.
        let text = after_name.split_whitespace().nth(number - 3);
        let value = text.and_then(|text| text.parse().ok());
        *place = value.ok_or(io::ErrorKind::InvalidData)?;
    }
    // SAFETY: moves the heap's end by nothing, and tells where it is.
    map.places[HEAP_END] = unsafe { libc::sbrk(0) }.addr() as u64;
    // SAFETY: the map outlives the call, has the size that is told, and names what is there already:
    // only what /proc shows of this process changes.
    let answer = unsafe {
        libc::prctl(
            libc::PR_SET_MM,
            libc::PR_SET_MM_MAP,
            &raw const map,
            size_of::<MemoryMap>(),
            0,
        )
    };
    match answer {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
