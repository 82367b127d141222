// quern check and quern backup: what is done with a data directory that no server uses.
#include <stdio.h>
#include <string.h>

#include "main/commands.h"
#include "quern.h"

static void print_line(void *context, const char *line)
{
  printf("%s\n", line);
}

static int complain(const char *text)
{
  fprintf(stderr, "quern: %s\n", text);
  return 1;
}

static int usage(const char *text)
{
  (void)complain(text);
  return 2;
}

static int complain_of(const struct quern_error *error)
{
  (void)complain(error->message);
  if (error->detail[0])
    fprintf(stderr, "quern: %s\n", error->detail);
  if (error->hint[0])
    fprintf(stderr, "quern: %s\n", error->hint);
  return 1;
}

// Options that have a value each.
static const char *option(int count, char **arguments, const char *name)
{
  for (int i = 0; i + 1 < count; i += 2)
    if (strcmp(arguments[i], name) == 0)
      return arguments[i + 1];
  return NULL;
}

int check_command(int count, char **arguments)
{
  const char *data = option(count, arguments, "--data");
  if (count != 2 || !data)
    return usage("give quern check --data DIR");
  struct quern_error error = {0};
  return quern_check(data, print_line, NULL, &error) ? complain_of(&error) : 0;
}

int backup_command(int count, char **arguments)
{
  const char *data = option(count, arguments, "--data"), *to = option(count, arguments, "--to");
  if (count != 4 || !data || !to)
    return usage("give quern backup --data DIR --to DIR");
  struct quern_options options = {.abi = QUERN_ABI, .data_directory = data, .must_exist = true};
  struct quern *engine;
  struct quern_error error = {0};
  if (quern_open(&options, &engine, &error))
    return complain_of(&error);
  int status = quern_backup(engine, to, &error);
  quern_close(engine);
  if (status)
    return complain_of(&error);
  printf("backup of \"%s\" in \"%s\": start quern serve --data with it, or a copy of it\n", data, to);
  return 0;
}
