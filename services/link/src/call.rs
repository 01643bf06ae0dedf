//! Calls of functions, as commands.

use redis::Cmd;
use tidegate_stream::calls::FunctionCall;

/// A function call as a command.
pub fn function(call: &FunctionCall) -> Cmd {
    let mut command = redis::cmd(call.verb());
    for argument in call.arguments() {
        command.arg(argument);
    }
    command
}
