import Foundation

exit(WorkerCommand.run(Array(CommandLine.arguments.dropFirst())))
