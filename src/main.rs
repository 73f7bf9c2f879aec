//! The command: parse, run, exit code.

fn main() -> std::process::ExitCode {
    rootstrap::cli::run()
}
