//! The program of the command `backstop`, which stands in its library.

fn main() {
    std::process::exit(backstop::run());
}
