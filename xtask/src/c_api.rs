//! `cargo xtask c-api`: the C API with compilers of C and C++. The example for hosts logs from two threads to the image of
//! a card, of which every value is read back; the one for Arm is linked, where its tools are.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog::{DurationMicros, Micros, Record};
use tlog_index::card::{self, Before, Layout};

use crate::project::{cargo, is_ci, output_of, root, target_dir};

/// How many records each thread logs.
const RECORDS: u32 = 20_000;

/// All warnings that there are, as errors.
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The languages: a compiler, the same for Arm, and how it takes the sources.
const LANGUAGES: [(&str, &str, [&str; 3]); 2] =
    [("gcc", "arm-none-eabi-gcc", ["-std=c11", "-x", "c"]), ("g++", "arm-none-eabi-g++", ["-std=c++17", "-x", "c++"])];

/// Cores, with what rustc and gcc call them, and what one without compare-and-swap takes besides.
const CORES: [(&str, &str, &[&str], &str); 2] = [
    ("thumbv7m-none-eabi", "cortex-m3", &[], ""),
    (
        "thumbv6m-none-eabi",
        "cortex-m0",
        &["--features", "portable-atomic"],
        "--cfg portable_atomic_unsafe_assume_single_core",
    ),
];

/// What `struct imu` of the example is in Rust.
#[derive(Record, Debug, PartialEq)]
struct Imu {
    number: u32,
    accel: [f32; 3],
    gyro: [f32; 3],
}

/// What `struct status` of the example is in Rust.
#[derive(Record, Debug, PartialEq)]
#[tlog(name = "robot.status")]
struct Status {
    number: u64,
    when: Micros,
    uptime: DurationMicros,
    volts: f64,
    offset: i64,
    counts: [i32; 2],
    faults: u32,
    celsius: i16,
    flags: u16,
    trim: [i8; 4],
    level: u8,
    is_armed: bool,
    doors: [bool; 2],
}

impl Imu {
    fn at(number: u32) -> Self {
        let (half, whole) = (number as f32 * 0.5, number as f32);
        Self { number, accel: [half, half + 1.0, half + 2.0], gyro: [-whole, -whole - 0.25, -whole - 0.5] }
    }
}

impl Status {
    fn at(number: u32) -> Self {
        let wide = i64::from(number);
        Self {
            number: number.into(),
            when: Micros(1_700_000_000_000_000 + wide),
            uptime: DurationMicros(-wide),
            volts: f64::from(number) / 8.0,
            offset: -5_000_000_000 - wide,
            counts: [number as i32, -(number as i32)],
            faults: number % 2,
            celsius: (number % 100) as i16 - 50,
            flags: (number * 7) as u16,
            trim: [-2, -1, 0, 1],
            level: number as u8,
            is_armed: number.is_multiple_of(3),
            doors: [number.is_multiple_of(5), true],
        }
    }
}

/// Builds, runs and reads all of it; how many programs were good.
///
/// # Errors
/// When one is not, or, in CI, a tool is missing.
pub fn check() -> Result<u64> {
    let folder = target_dir().join("c-api");
    fs::create_dir_all(&folder)?;
    output_of(&mut cargo("build --package tlog-firmware"))?;
    let mut good = 0;
    for (compiler, _, language) in LANGUAGES {
        on_host(compiler, &language, &folder)?;
        good += 1;
    }
    refusals(&folder)?;
    Ok(good + 1 + on_arm(&folder)?)
}

fn example(name: &str) -> PathBuf {
    root().join("firmware-writer/examples/c").join(name)
}

fn compile(compiler: &str, language: &[&str], source: &Path) -> Command {
    let mut command = Command::new(compiler);
    command.args(WARNINGS).arg("-I").arg(root().join("firmware-writer/include"));
    command.args(language).arg(source).args(["-x", "none"]);
    command
}

fn on_host(compiler: &str, language: &[&str], folder: &Path) -> Result<()> {
    let program = folder.join(format!("host-{compiler}"));
    let mut compile = compile(compiler, language, &example("host.c"));
    compile.args(["-O2", "-g", "-o"]).arg(&program).arg(target_dir().join("debug/libtlog_firmware.a"));
    output_of(compile.args(["-pthread", "-ldl", "-lm"]))?;
    let card = folder.join(format!("card-{compiler}.img"));
    prepare(&card)?;
    print!("   {compiler}: {}", output_of(Command::new(&program).arg(&card).arg(RECORDS.to_string()))?);
    let logs = pull(&card, folder)?;
    ensure!(logs.len() == 1, "{compiler}: one session, not {}", logs.len());
    fs::remove_file(&card)?;
    verify(&logs[0]).with_context(|| format!("what {compiler} has logged"))
}

fn prepare(card: &Path) -> Result<()> {
    let size = 8 << 20;
    let layout = Layout::new(Layout::card_for(4, size), 4, size)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(card)?;
    file.set_len(Layout::card_for(4, size))?;
    card::make(&mut file, &layout, 0, Before::Zeros, |_| {})?;
    Ok(())
}

/// The files of a card that have something in them.
fn pull(image: &Path, folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut logs = Vec::new();
    for file in &card::open(File::open(image)?)?.files {
        let path = folder.join(&file.name);
        card::used(file, &mut File::create(&path)?, |_| {})?;
        let bytes = fs::read(&path)?;
        fs::remove_file(&path)?;
        if bytes.starts_with(b"TLOG0003") {
            logs.push(bytes);
        }
    }
    Ok(logs)
}

/// Reads a log strictly: schemas are those of the same types in Rust, values those of the example, each once and in order.
fn verify(log: &[u8]) -> Result<()> {
    let mut reader = SliceReader::new(log, ReadOptions { strict: true, ..ReadOptions::default() });
    let (mut imus, mut states, mut clocks) = (0, 0, 0);
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Schema(record) => check_schema(&record.name, &record.schema_bytes)?,
            Event::Data(data) => match data.record.name.as_str() {
                Imu::NAME => same::<Imu>(data.payload, &Imu::at(imus), &mut imus)?,
                Status::NAME => same::<Status>(data.payload, &Status::at(states), &mut states)?,
                "tlog.clock" => clocks += 1,
                _ => {}
            },
            _ => {}
        }
    }
    ensure!((imus, states) == (RECORDS, RECORDS) && clocks > 0, "{imus} and {states} records, {clocks} clocks");
    Ok(())
}

fn check_schema(name: &str, schema: &[u8]) -> Result<()> {
    let expected = match name {
        Imu::NAME => Imu::SCHEMA,
        Status::NAME => Status::SCHEMA,
        _ => return Ok(()),
    };
    ensure!(schema == expected, "the schema of {name} is not that of the same type in Rust");
    Ok(())
}

fn same<T: Record + PartialEq + std::fmt::Debug>(payload: &[u8], expected: &T, count: &mut u32) -> Result<()> {
    ensure!(payload == expected.to_payload(), "record {count} of {} is not {expected:?}", T::NAME);
    *count += 1;
    Ok(())
}

/// What must not compile, with a part of what the compilers say.
const REFUSED: [(&str, &str); 6] = [
    ("struct a { uint8_t x; uint32_t y; }; TLOG_RECORD(A, 1, \"a\", struct a, x, y);", "y does not follow x: padding"),
    ("struct a { uint32_t y; uint8_t x; }; TLOG_RECORD(A, 1, \"a\", struct a, y, x);", "x is not the last"),
    ("struct a { uint8_t x; uint8_t y; }; TLOG_RECORD(A, 1, \"a\", struct a, y, x);", "y is not the first"),
    ("struct a { const char *x; }; TLOG_RECORD(A, 1, \"a\", struct a, x);", "of a type that a log has not"),
    ("struct a { int x; }; TLOG_RECORD(A, 2, \"a\", struct a, x); TLOG_KINDS(K, A);", "A is not in its place"),
    ("TLOG_RING(ring, 32, 500);", "tlog_ops_shared_32x500_1"),
];

fn refusals(folder: &Path) -> Result<()> {
    for (at, (code, message)) in REFUSED.iter().enumerate() {
        let source = folder.join(format!("refused-{at}.c"));
        fs::write(&source, format!("#include \"tlog_firmware.h\"\n{code}\n"))?;
        for (compiler, _, language) in LANGUAGES {
            let output = compile(compiler, &language, &source).arg("-fsyntax-only").output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(!output.status.success() && said.contains(message), "{compiler} does not say {message:?}:\n{said}");
        }
    }
    Ok(())
}

/// Builds and links the example for each core; how many.
fn on_arm(folder: &Path) -> Result<u64> {
    let tools = ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/arm-none-eabi-gcc"];
    if let Some(missing) = tools.iter().find(|tool| !Path::new(tool).exists()) {
        println!("!! {missing} not found: the C API was NOT built for Arm (rustc-web, cargo-web, gcc-arm-none-eabi)");
        return if is_ci() { bail!("CI must have the tools for Arm") } else { Ok(0) };
    }
    for core in CORES {
        for_core(core, folder)?;
    }
    Ok(CORES.len() as u64)
}

fn for_core((target, cpu, features, flags): (&str, &str, &[&str], &str), folder: &Path) -> Result<()> {
    let built = target_dir().join("c-api-arm");
    let mut build = Command::new("/usr/bin/cargo");
    // What a toolchain that runs us has set is not for that one.
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTDOC", "RUSTC_WRAPPER", "CARGO_ENCODED_RUSTFLAGS"] {
        build.env_remove(variable);
    }
    build.current_dir(root()).args([
        "build",
        "--release",
        "--package",
        "tlog-firmware",
        "-Zbuild-std=core",
        "--target",
    ]);
    build.arg(target).args(features).env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags);
    build.env("CARGO_TARGET_DIR", &built).env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s");
    build.env("CARGO_PROFILE_RELEASE_LTO", "fat").env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    output_of(&mut build)?;
    let library = built.join(target).join("release/libtlog_firmware.a");
    for (_, compiler, language) in LANGUAGES {
        let program = folder.join(format!("{cpu}-{compiler}.elf"));
        let mut link = compile(compiler, &language, &example("arm.c"));
        link.arg(format!("-mcpu={cpu}")).args(["-mthumb", "-Os", "-ffreestanding", "-ffunction-sections"]);
        link.args([
            "-fdata-sections",
            "-fno-exceptions",
            "-nostdlib",
            "-Wl,--gc-sections",
            "-Wl,--no-warn-rwx-segments",
            "-Wl,-z,noexecstack",
            "-T",
        ]);
        link.arg(example("arm.ld")).arg("-o").arg(&program).arg(&library).arg("-lgcc");
        output_of(&mut link)?;
        let symbols = output_of(Command::new("arm-none-eabi-nm").arg("-C").arg(&program))?;
        let panics: Vec<&str> = symbols.lines().filter(|line| line.contains("panic")).collect();
        ensure!(panics.is_empty(), "{} can panic:\n{}", program.display(), panics.join("\n"));
        let size = output_of(Command::new("arm-none-eabi-size").arg(&program))?;
        println!("   {compiler} for {cpu}: {}", size.lines().last().unwrap_or_default());
    }
    Ok(())
}
