//! Runs what the command line asks for.

use crate::{
    chain_spec,
    cli::{Cli, Subcommand},
    miner, service, tracker,
};
use sc_cli::SubstrateCli;
use sc_service::PartialComponents;

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "LunarX Node".into()
    }

    fn impl_version() -> String {
        env!("SUBSTRATE_CLI_IMPL_VERSION").into()
    }

    fn description() -> String {
        "The LunarX node: runs the chain and, with --miner, sells this machine's spare disk; \
         with --tracker, watches those who do."
            .into()
    }

    fn author() -> String {
        "The LunarX developers".into()
    }

    fn support_url() -> String {
        "docs/ in the source".into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
        Ok(match id {
            "dev" => Box::new(chain_spec::dev()?),
            "local" | "" => Box::new(chain_spec::local()?),
            path => Box::new(chain_spec::ChainSpec::from_json_file(path.into())?),
        })
    }
}

/// Parses the command line and runs it.
pub fn run() -> sc_cli::Result<()> {
    let cli = Cli::from_args();
    match &cli.subcommand {
        None => {
            let runner = cli.create_runner(&cli.run)?;
            let daemons = service::Daemons {
                miner: cli.miner.then(|| cli.miner_args.clone()),
                tracker: cli.tracker.then(|| cli.tracker_args.clone()),
            };
            runner.run_node_until_exit(|config| async move {
                service::new_full(config, daemons).await.map_err(sc_cli::Error::Service)
            })
        }
        Some(Subcommand::Miner(command)) => {
            miner::run_alone(command).map_err(|error| format!("{error:#}").into())
        }
        Some(Subcommand::Tracker(command)) => {
            tracker::run_alone(command).map_err(|error| format!("{error:#}").into())
        }
        Some(Subcommand::Key(command)) => command.run(&cli),
        Some(Subcommand::ExportChainSpec(command)) => {
            let spec = cli.load_spec(&command.chain)?;
            command.run(spec)
        }
        Some(Subcommand::CheckBlock(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents { client, task_manager, import_queue, .. } = service::new_partial(&config)?;
            Ok((command.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::ExportBlocks(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents { client, task_manager, .. } = service::new_partial(&config)?;
            Ok((command.run(client, config.database), task_manager))
        }),
        Some(Subcommand::ExportState(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents { client, task_manager, .. } = service::new_partial(&config)?;
            Ok((command.run(client, config.chain_spec), task_manager))
        }),
        Some(Subcommand::ImportBlocks(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents { client, task_manager, import_queue, .. } = service::new_partial(&config)?;
            Ok((command.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::PurgeChain(command)) => {
            cli.create_runner(command)?.sync_run(|config| command.run(config.database))
        }
        Some(Subcommand::Revert(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents { client, task_manager, backend, .. } = service::new_partial(&config)?;
            let revert_consensus = Box::new(|client, backend, blocks| {
                sc_consensus_babe::revert(Clone::clone(&client), backend, blocks)?;
                sc_consensus_grandpa::revert(client, blocks)?;
                Ok(())
            });
            Ok((command.run(client, backend, Some(revert_consensus)), task_manager))
        }),
        Some(Subcommand::ChainInfo(command)) => cli
            .create_runner(command)?
            .sync_run(|config| command.run::<lunarx_runtime::opaque::Block>(&config)),
    }
}
