// quern sql: statements on the engine inside this process, without a server. No connectors are added, so sources rest.
//
// Rows are printed as `psql -A` does it: columns with | between them, NULL as nothing; their names stand above at a
// terminal. What gives no rows prints its tag. Statements on standard input end with a line that ends with a semicolon; the
// rows of a COPY FROM STDIN follow it there, up to a line \. or the end. At a terminal lines are edited, and remembered.
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "main/commands.h"
#include "quern.h"

struct shell {
  struct quern *engine;
  struct quern_session *session;
  bool is_terminal, is_ready, has_failed, wants_rows, is_over;
  char *line; // the last one that was read, without its end; owned
  size_t capacity;
};

static void print_field(const uint8_t *data, int32_t size, bool is_first)
{
  if (!is_first)
    putchar('|');
  if (size > 0)
    fwrite(data, 1, (size_t)size, stdout);
}

static void print_row(const struct quern_message *message)
{
  const uint8_t *data;
  int32_t size;
  for (int i = 0; (size = quern_row_field(message, i, &data)) != -2; i++)
    print_field(data, size, i == 0);
  putchar('\n');
}

// A name with its zero byte, then 18 bytes of which nothing is shown.
static void print_names(const struct quern_message *message)
{
  enum { BEHIND_NAME = 18 };
  int count = message->size >= 2 ? get_be16(message->body) : 0;
  const char *at = (const char *)message->body + 2;
  for (int i = 0; i < count; i++) {
    print_field((const uint8_t *)at, (int32_t)strlen(at), i == 0);
    at += strlen(at) + 1 + BEHIND_NAME;
  }
  putchar('\n');
}

static void print_trouble(const struct quern_message *message)
{
  static const struct {
    char field;
    const char *name;
  } parts[] = {{'D', "DETAIL"}, {'H', "HINT"}};
  fprintf(stderr, "%s:  %s: %s\n", quern_error_field(message, 'S'), quern_error_field(message, 'C'),
          quern_error_field(message, 'M'));
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (quern_error_field(message, parts[i].field))
      fprintf(stderr, "%s:  %s\n", parts[i].name, quern_error_field(message, parts[i].field));
}

static void print_tag(const struct quern_message *message)
{
  if (strncmp((const char *)message->body, "SELECT", 6) != 0)
    printf("%s\n", (const char *)message->body);
}

static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct shell *shell = context;
  shell->is_over |= size == 0;
  struct quern_message message;
  while (quern_next_message(&messages, &size, &message))
    switch (message.type) {
    case 'T':
      if (shell->is_terminal)
        print_names(&message);
      break;
    case 'D': print_row(&message); break;
    case 'd': fwrite(message.body, 1, message.size, stdout); break;
    case 'C': print_tag(&message); break;
    case 'G': shell->wants_rows = true; break;
    case 'N': print_trouble(&message); break;
    case 'E':
      print_trouble(&message);
      shell->has_failed = true;
      break;
    case 'Z': shell->is_ready = true; break;
    default: break;
    }
}

static bool submit(struct shell *shell, struct quern_buffer *buffer)
{
  bool is_good = !buffer->failed && quern_submit(shell->session, buffer->data, buffer->size) >= 0;
  quern_buffer_free(buffer);
  return is_good;
}

// The next line of standard input, in shell->line. False: there is none.
static bool read_line(struct shell *shell, const char *prompt)
{
  if (shell->is_terminal) {
    free(shell->line);
    shell->line = readline(prompt);
    if (shell->line && shell->line[0])
      add_history(shell->line);
    return shell->line;
  }
  ssize_t length = getline(&shell->line, &shell->capacity, stdin);
  if (length > 0 && shell->line[length - 1] == '\n')
    shell->line[length - 1] = 0;
  return length >= 0;
}

// Lets the engine go on once. False: nothing more can be done with it.
static bool go_on(struct shell *shell)
{
  int status = quern_run(shell->engine, 64);
  if (status < 0) {
    fprintf(stderr, "quern: %s\n", quern_failure(shell->engine)->message);
    return false;
  }
  if (status == 0 && !shell->is_ready && !shell->wants_rows && !shell->is_over)
    quern_wait(shell->engine, -1);
  return true;
}

// Takes over what is in the buffer, when the session has room for it.
static bool submit_rows(struct shell *shell, struct quern_buffer *buffer)
{
  int status;
  while (!buffer->failed && (status = quern_submit(shell->session, buffer->data, buffer->size)) == -3)
    if (!go_on(shell))
      break;
  bool is_good = !buffer->failed && status >= 0;
  quern_buffer_free(buffer);
  return is_good;
}

static void add_rows(struct quern_buffer *buffer, char type, const char *line)
{
  size_t length = line ? strlen(line) + 1 : 0;
  uint8_t head[5] = {(uint8_t)type};
  put_be32(head + 1, (uint32_t)length + 4);
  quern_buffer_append(buffer, head, sizeof head);
  if (!line)
    return;
  quern_buffer_append(buffer, line, length - 1);
  quern_buffer_append(buffer, "\n", 1);
}

// The rows of a COPY FROM STDIN.
static bool give_rows(struct shell *shell)
{
  enum { CHUNK = 64 * 1024 };
  struct quern_buffer buffer = {0};
  bool goes_on = true;
  shell->wants_rows = false;
  while (goes_on && read_line(shell, ">> ") && strcmp(shell->line, "\\.") != 0) {
    add_rows(&buffer, 'd', shell->line);
    if (buffer.size >= CHUNK)
      goes_on = submit_rows(shell, &buffer);
  }
  add_rows(&buffer, 'c', NULL);
  return goes_on && submit_rows(shell, &buffer);
}

// False: nothing more can be done with the engine.
static bool wait_ready(struct shell *shell)
{
  bool goes_on = true;
  while (goes_on && !shell->is_ready && !shell->is_over)
    goes_on = shell->wants_rows ? give_rows(shell) : go_on(shell);
  fflush(stdout);
  return goes_on && !shell->is_over;
}

static bool run(struct shell *shell, const char *text)
{
  struct quern_buffer buffer = {0};
  quern_add_query(&buffer, text);
  shell->is_ready = false;
  return submit(shell, &buffer) && wait_ready(shell);
}

// Does what was read so far end a statement? A semicolon within quotes does not.
static bool is_whole(const char *text)
{
  size_t quotes = 0, size = strlen(text);
  for (const char *at = text; *at; at++)
    quotes += *at == '\'';
  while (size && strchr(" \t\r\n", text[size - 1]))
    size--;
  return size && text[size - 1] == ';' && quotes % 2 == 0;
}

static bool append(char **text, size_t *size, const char *line)
{
  size_t length = strlen(line);
  char *more = realloc(*text, *size + length + 2);
  if (!more)
    return false;
  memcpy(more + *size, line, length);
  memcpy(more + *size + length, "\n", 2);
  *text = more;
  *size += length + 1;
  return true;
}

// False: the engine is lost.
static bool run_input(struct shell *shell)
{
  char *text = NULL;
  size_t size = 0;
  bool goes_on = true;
  while (goes_on && read_line(shell, size ? "quern-> " : "quern=> ")) {
    if (!size && (strcmp(shell->line, "\\q") == 0 || strcmp(shell->line, "exit") == 0))
      break;
    goes_on = append(&text, &size, shell->line);
    if (!goes_on || !is_whole(text))
      continue;
    goes_on = run(shell, text);
    size = 0;
  }
  if (goes_on && size)
    goes_on = run(shell, text);
  free(text);
  return goes_on;
}

int sql_command(int count, char **arguments)
{
  if (count < 2 || strcmp(arguments[0], "--data") != 0) {
    fprintf(stderr, "quern: give quern sql --data DIR ['STATEMENT' …]\n");
    return 2;
  }
  struct shell shell = {.is_terminal = count == 2 && isatty(STDIN_FILENO)};
  struct quern_options options = {.abi = QUERN_ABI, .data_directory = arguments[1], .must_exist = true};
  struct quern_error error = {0};
  if (quern_open(&options, &shell.engine, &error)) {
    fprintf(stderr, "quern: %s\n", error.message);
    return 1;
  }
  struct quern_session_options session_options = {.database = "postgres", .reply = on_reply, .context = &shell};
  shell.session = quern_session_open(shell.engine, &session_options, &error);
  bool goes_on = shell.session && wait_ready(&shell);
  for (int i = 2; goes_on && !shell.has_failed && i < count; i++)
    goes_on = run(&shell, arguments[i]);
  if (goes_on && count == 2)
    goes_on = run_input(&shell);
  shell.session = NULL;
  quern_close(shell.engine);
  free(shell.line);
  return !goes_on || shell.has_failed;
}
