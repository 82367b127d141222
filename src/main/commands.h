// The commands of the program. Each gets the arguments behind its name and gives the exit code.
#pragma once

#include <stdbool.h>

int serve_command(int count, char **arguments);
int sql_command(int count, char **arguments);
int check_command(int count, char **arguments);
int backup_command(int count, char **arguments);
