//! The executable: parses the arguments, runs the command and returns its exit code.

fn main() -> std::process::ExitCode {
    rootstrap::cli::run()
}
