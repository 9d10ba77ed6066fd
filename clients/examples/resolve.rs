//! A limit on a dependency resolution: PubGrub calls `should_cancel` in its main loop.
//!
//! ```text
//! cargo run --release -p sigalarm-clients --example resolve
//! ```
//!
//! The solver returns the provider's error unchanged, so the error type is `TimedOut`.

use std::time::Duration;

use pubgrub::{
    Dependencies, DependencyProvider, OfflineDependencyProvider, PackageResolutionStatistics, PubGrubError,
    Ranges, SelectedDependencies, resolve,
};
use sigalarm::{Alarm, TimedOut};

pub type Registry = OfflineDependencyProvider<String, Ranges<u32>>;

pub struct Limited<'a> {
    pub registry: &'a Registry,
    pub alarm: &'a Alarm,
}

impl DependencyProvider for Limited<'_> {
    type P = String;
    type V = u32;
    type VS = Ranges<u32>;
    type Priority = <Registry as DependencyProvider>::Priority;
    type M = String;
    type Err = TimedOut;

    fn should_cancel(&self) -> Result<(), TimedOut> {
        self.alarm.check()
    }

    fn prioritize(
        &self,
        package: &String,
        range: &Ranges<u32>,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        self.registry.prioritize(package, range, statistics)
    }

    fn choose_version(&self, package: &String, range: &Ranges<u32>) -> Result<Option<u32>, TimedOut> {
        let Ok(version) = self.registry.choose_version(package, range);
        Ok(version)
    }

    fn get_dependencies(
        &self,
        package: &String,
        version: &u32,
    ) -> Result<Dependencies<String, Ranges<u32>, String>, TimedOut> {
        let Ok(dependencies) = self.registry.get_dependencies(package, version);
        Ok(dependencies)
    }
}

/// Returns [`PubGrubError::ErrorInShouldCancel`] at the deadline.
pub fn solve<'a>(
    registry: &'a Registry,
    package: &str,
    alarm: &'a Alarm,
) -> Result<SelectedDependencies<String, u32>, PubGrubError<Limited<'a>>> {
    resolve(&Limited { registry, alarm }, package.to_owned(), 1_u32)
}

/// Packages that each need a different version. With more packages than versions the solver takes exponential time.
pub fn pigeonholes(packages: u32, versions: u32) -> Registry {
    let name = |package: u32| format!("package-{package:02}");
    let mut registry = Registry::new();
    registry.add_dependencies(
        "root".to_owned(),
        1_u32,
        (0..packages).map(|package| (name(package), Ranges::full())),
    );
    for package in 0..packages {
        for version in 0..versions {
            let other_versions = Ranges::singleton(version).complement();
            let others = (0..packages).filter(|&other| other != package);
            registry.add_dependencies(
                name(package),
                version,
                others.map(|other| (name(other), other_versions.clone())),
            );
        }
    }
    registry
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (packages, versions) in [(8, 8), (14, 13)] {
        let label = format!("resolving {packages} packages");
        let alarm = Alarm::builder().after(Duration::from_millis(500)).label(&*label).arm()?;
        let registry = pigeonholes(packages, versions);
        match solve(&registry, "root", &alarm) {
            Ok(solution) => println!("{label}: {} packages", solution.iter().count()),
            Err(PubGrubError::ErrorInShouldCancel(timed_out)) => println!("{timed_out}"),
            Err(e) => return Err(format!("{e:?}").into()),
        }
    }
    Ok(())
}
