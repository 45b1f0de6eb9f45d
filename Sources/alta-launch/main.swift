import AltaLaunch
import Foundation

exit(LaunchCommand.main(Array(CommandLine.arguments.dropFirst())))
