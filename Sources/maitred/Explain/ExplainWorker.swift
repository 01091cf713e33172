// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConfig
import MaitredConsole
import MaitredControl
import MaitredMaster
import MaitredSystem

/// `maitred explain-worker`: whether a program can be a worker, and why not.
struct ExplainWorker: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain-worker",
        abstract: "Start one worker, say whether and how it gets connections, and stop it.",
        usage: "maitred explain-worker [<options>] -- <command> [<argument> ...]",
        discussion: """
            Will my program work?

              maitred explain-worker -- node server.js

            The program is started once, as 'maitred serve' would start it, behind a free port of 127.0.0.1, of which \
            the number is in its variable PORT. --listen chooses another address, for programs that listen on a port \
            of their own; what the environment or the file of --config says about addresses is not used. What the \
            program writes goes to standard error.

            The first line says whether it can be a worker; the exit status is 0 if it can be a worker, 1 if not, and 64 if an option, a variable or the file is wrong.
            """
    )

    @Option(
        name: .of(.listen),
        help: .init(
            "Where the program is to listen; can be repeated. (default: a free port of 127.0.0.1)",
            valueName: Setting.listen.placeholder
        )
    )
    var listen: [String] = []

    @Option(name: .of(.startTimeout), help: .of(.startTimeout))
    var startTimeout: String?

    @Option(name: .of(.workerUser), help: .of(.workerUser))
    var workerUser: String?

    @Option(name: .of(.workerNofile), help: .of(.workerNofile))
    var workerNofile: String?

    @Option(name: .of(.appPort), help: .of(.appPort))
    var appPort: String?

    @Flag(name: .of(.noPreload), help: .of(.noPreload))
    var noPreload = false

    @Flag(help: "Print what was found as JSON (docs/WORKERS.md).")
    var json = false

    @Option(name: .of(.config), help: .of(.config), completion: .file())
    var config: String?

    @Argument(parsing: .postTerminator, help: .of(.command))
    var command: [String] = []

    func run() throws {
        let configuration = try ConfigurationSources(
            flags: given,
            command: command,
            environment: try settingsInEnvironment()
        ).resolved()
        let explanation = try explanation(of: configuration)
        try show(explanation)
        guard explanation.canBeWorker else { throw ExitCode(Failure.failed) }
    }

    private func explanation(of configuration: Configuration) throws -> Explanation {
        do throws(StartupError) {
            let path = ProcessEnvironment.variables()["PATH"]
            _ = try CommandPath.resolve(configuration.command[0], searchPath: path)
        } catch {
            return Explanation(configuration, cannotRun: error)
        }
        return try WorkerTrial(configuration, flags: given).run()
    }

    private func show(_ explanation: Explanation) throws {
        guard !json else { return try StandardOutput.write(ControlJSON.text(explanation) + [UInt8(ascii: "\n")]) }
        let width = StandardOutput.isTerminal ? Terminal.size(of: STDOUT_FILENO).columns : nil
        try StandardOutput.write(ExplanationText.of(explanation, style: StandardOutput.style, width: width))
    }

    /// What was given, with what is different for a trial: one worker, at an address that is free.
    private var given: [RawSetting] {
        (listen.isEmpty ? ["127.0.0.1:0"] : listen).map { RawSetting(.listen, $0) }
            + maitred.given([
                (.startTimeout, startTimeout), (.workerUser, workerUser), (.workerNofile, workerNofile),
                (.appPort, appPort), (.noPreload, noPreload ? "yes" : nil), (.config, config), (.workers, "1"),
                (.strategy, "round-robin"),
            ])
    }
}

extension Explanation {
    /// Of a program that was not even tried.
    fileprivate init(_ configuration: Configuration, cannotRun error: StartupError) {
        self.init()
        command = configuration.command
        startTimeout = configuration.startTimeout / .seconds(1)
        cause = "cannot-run"
        reason = error.problem
        advice = [error.remedy ?? "give the path of a program, as in ./server, or the name of one that is in PATH"]
    }
}
