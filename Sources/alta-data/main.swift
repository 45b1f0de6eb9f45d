import Foundation

exit(DataCommand.run(Array(CommandLine.arguments.dropFirst())))
