//! `libtlog_firmware.a`: all functions are those of `firmware_writer::c_api`, declared in `include/tlog_firmware.h`.
//!
//! A program has one handler for panics, and a static library for C is a program in this. It is here and not in the
//! library for Rust, whose users have their own. Nothing calls it: the code does not panic, which the build for Arm
//! checks by looking for it in the linked example. On a host, `std` brings the handler.
#![no_std]

#[cfg(not(target_os = "none"))]
extern crate std;

// Named, so that it is linked.
pub use firmware_writer::c_api;

/// Stops: there is nobody to tell.
#[cfg(target_os = "none")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
