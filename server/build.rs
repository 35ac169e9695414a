//! What embeds files must be built again when there are new ones: migrations, and in a release the
//! console (a development build reads it from its directory).
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo:rerun-if-changed=../console/dist");
    }
}
