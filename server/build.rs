//! What embeds the console's files must be built again when there are new ones. A development build reads them from
//! their directory.
fn main() {
    // The console's directory has to be there for files in it to be found later.
    if let Err(error) = std::fs::create_dir_all("../console/dist") {
        println!("cargo:warning=console/dist cannot be made, so there will be no console: {error}");
    }
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo:rerun-if-changed=../console/dist");
    } else {
        println!("cargo:rerun-if-changed=build.rs");
    }
}
