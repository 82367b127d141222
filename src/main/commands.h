// The commands of the program. Each gets the arguments behind its name and gives the exit code.
#pragma once

#include <stdbool.h>

int serve_command(int count, char **arguments);
