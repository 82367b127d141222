// connector = 'file' of a sink: its rows are appended to a file, as CSV or as a JSON object on each line.
//
// Options: path; format 'csv' or 'json'; for CSV delimiter, quote, escape, null, header ('true': an empty file gets a first
// line with the columns' names).
//
// 1. A position is the file's length and a hash of the bytes before it. Whatever stands behind it when the file is opened
//    there was written and not acknowledged: it is cut off. What stands before it must be what was written.
// 2. From then on the file is as long as what was written to it, and its name is its own: otherwise somebody else has
//    changed it, and the sink fails rather than write into it.
// 3. What could not be written as a whole is cut off before anything else is written.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "connect/connectors.h"
#include "connect/csv.h"
#include "connect/support.h"

enum { TAIL_BYTES = 4096, STATUS_AGAIN = -2, STATUS_NO_ROOM = -3 };

struct file_column {
  char *name;
  uint32_t type;
};

struct file_sink {
  struct folders *folders;
  char *path, *null;
  struct csv csv;
  bool is_json, has_header;
  int column_count;
  struct file_column *columns;
  int descriptor;
  uint64_t length, durable; // as written, and as synced last
  bool is_torn;             // something stands behind `durable` that was not written as a whole
  struct quern_buffer text; // of one delivery
};

// --- Options ------------------------------------------------------------------------------------------------------

// Fills what needs no memory.
static int read_options(const struct quern_source_info *info, struct file_sink *file, struct quern_error *error)
{
  static const char *const known[] = {"path", "format", "delimiter", "quote", "escape", "null", "header", NULL};
  *file = (struct file_sink){.folders = info->context, .column_count = info->column_count, .descriptor = -1};
  const char *path = option_find(info, "path");
  if (option_check_known(info, known, error))
    return -1;
  if (!path)
    return connector_error(error, "22023", "sink \"%s\" needs the option path", info->name);
  if (folders_check(file->folders, path, error) || option_format(info, &file->is_json, error) ||
      csv_options(info, &file->csv, error))
    return -1;
  return option_boolean(info, "header", &file->has_header, error);
}

static int file_sink_check(const struct quern_source_info *info, struct quern_error *error)
{
  struct file_sink file;
  return read_options(info, &file, error);
}

static void file_sink_close(void *sink)
{
  struct file_sink *file = sink;
  if (file->descriptor >= 0)
    close(file->descriptor);
  for (int i = 0; file->columns && i < file->column_count; i++)
    free(file->columns[i].name);
  free(file->columns);
  free(file->path);
  free(file->null);
  quern_buffer_free(&file->text);
  free(file);
}

static bool copy_names(const struct quern_source_info *info, struct file_sink *file)
{
  const char *null = option_find(info, "null");
  file->path = strdup(option_find(info, "path"));
  file->csv.null = file->null = strdup(null ? null : "");
  file->columns = calloc((size_t)info->column_count + 1, sizeof *file->columns);
  bool is_whole = file->path && file->null && file->columns;
  for (int i = 0; is_whole && i < info->column_count; i++) {
    file->columns[i].type = info->columns[i].type;
    is_whole = (file->columns[i].name = strdup(info->columns[i].name));
  }
  return is_whole;
}

// --- The file -----------------------------------------------------------------------------------------------------

// What the system says of the file. No room, now: that may be mended while the sink waits.
static int file_trouble(const struct file_sink *file, const char *what, int reason, struct quern_error *error)
{
  bool is_room = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  connector_error(error, is_room ? "53100" : "58030", "could not %s file \"%s\": %s", what, file->path, strerror(reason));
  return error->status = is_room ? STATUS_NO_ROOM : -1;
}

static int file_changed(const struct file_sink *file, const char *how, struct quern_error *error)
{
  connector_error(error, "55000", "file \"%s\" %s", file->path, how);
  strcpy(error->hint, "Put back what was written, or drop the sink and create it anew.");
  return -1;
}

static uint64_t hash_tail(const struct file_sink *file, uint64_t length)
{
  uint8_t tail[TAIL_BYTES];
  size_t size = length < TAIL_BYTES ? (size_t)length : TAIL_BYTES;
  ssize_t got = pread(file->descriptor, tail, size, (off_t)(length - size));
  return got == (ssize_t)size ? hash64(tail, size, length) : 0;
}

static void give_position(const struct file_sink *file, struct quern_position *position)
{
  position->size = (uint32_t)snprintf((char *)position->data, sizeof position->data, "%" PRIu64 " %016" PRIx64,
                                      file->length, hash_tail(file, file->length));
}

// So that a file that was just made is there after a power cut.
static int sync_folder(const struct file_sink *file, struct quern_error *error)
{
  char folder[PATH_MAX];
  const char *slash = strrchr(file->path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - file->path) : 1, slash ? file->path : ".");
  int descriptor = folders_open(file->folders, *folder ? folder : "/", O_RDONLY | O_DIRECTORY, error);
  if (descriptor < 0)
    return -1;
  int status = fsync(descriptor) ? file_trouble(file, "fsync the folder of", errno, error) : 0;
  close(descriptor);
  return status;
}

static int lock_file(const struct file_sink *file, struct quern_error *error)
{
  struct stat about;
  if (fstat(file->descriptor, &about))
    return file_trouble(file, "look at", errno, error);
  if (!S_ISREG(about.st_mode))
    return connector_error(error, "42809", "\"%s\" is not a regular file", file->path);
  if (flock(file->descriptor, LOCK_EX | LOCK_NB) == 0)
    return 0;
  connector_error(error, "55006", "file \"%s\" is being written by another sink", file->path);
  return error->status = STATUS_AGAIN;
}

// The first time: rows go behind what there is.
static int open_first(struct file_sink *file, struct quern_error *error)
{
  enum { FLAGS = O_RDWR | O_NOFOLLOW | O_NONBLOCK };
  file->descriptor = folders_open(file->folders, file->path, FLAGS, error);
  if (file->descriptor < 0 && strcmp(error->sqlstate, "58P01") == 0)
    file->descriptor = folders_open(file->folders, file->path, FLAGS | O_CREAT, error);
  if (file->descriptor < 0 || lock_file(file, error) || sync_folder(file, error))
    return -1;
  off_t length = lseek(file->descriptor, 0, SEEK_END);
  file->length = file->durable = length > 0 ? (uint64_t)length : 0;
  return length < 0 ? file_trouble(file, "look at", errno, error) : 0;
}

static int cut(struct file_sink *file, struct quern_error *error)
{
  if (ftruncate(file->descriptor, (off_t)file->durable) || fdatasync(file->descriptor))
    return file_trouble(file, "cut", errno, error);
  file->length = file->durable;
  file->is_torn = false;
  return 0;
}

static int open_again(struct file_sink *file, const struct quern_position *position, struct quern_error *error)
{
  char text[64] = {0};
  uint64_t hash;
  struct stat about;
  memcpy(text, position->data, position->size < sizeof text ? position->size : sizeof text - 1);
  if (sscanf(text, "%" SCNu64 " %" SCNx64, &file->durable, &hash) != 2)
    return connector_error(error, "XX001", "the position \"%s\" is none of a file", text);
  file->descriptor = folders_open(file->folders, file->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, error);
  if (file->descriptor < 0 && strstr(error->message, strerror(ENOENT)))
    return file_changed(file, "is gone", error);
  if (file->descriptor < 0 || lock_file(file, error))
    return -1;
  if (fstat(file->descriptor, &about))
    return file_trouble(file, "look at", errno, error);
  if ((uint64_t)about.st_size < file->durable)
    return file_changed(file, "is shorter than what was written to it", error);
  if (hash_tail(file, file->durable) != hash)
    return file_changed(file, "was changed: its end is not what was written to it", error);
  return cut(file, error);
}

static void *file_sink_open(const struct quern_source_info *info, struct quern_position *position,
                            struct quern_error *error)
{
  struct file_sink *file = malloc(sizeof *file);
  if (!file) {
    connector_error(error, "53200", "out of memory");
    return NULL;
  }
  int status = read_options(info, file, error);
  if (!status && !copy_names(info, file)) {
    connector_error(error, "53200", "out of memory");
    status = error->status = STATUS_NO_ROOM;
  }
  if (!status)
    status = position->size ? open_again(file, position, error) : open_first(file, error);
  if (status) {
    file_sink_close(file);
    return NULL;
  }
  give_position(file, position);
  return file;
}

// Is it still the file that has its name, and as long as we left it?
static int check_own(const struct file_sink *file, struct quern_error *error)
{
  struct stat named, own;
  int descriptor = folders_open(file->folders, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, error);
  bool is_own = descriptor >= 0 && fstat(descriptor, &named) == 0 && fstat(file->descriptor, &own) == 0 &&
                named.st_dev == own.st_dev && named.st_ino == own.st_ino;
  if (descriptor >= 0)
    close(descriptor);
  if (!is_own)
    return file_changed(file, "was moved, replaced or deleted", error);
  if ((uint64_t)own.st_size != file->length)
    return file_changed(file, "was changed: it is not as long as what was written to it", error);
  return 0;
}

// --- Rows ---------------------------------------------------------------------------------------------------------

static void add_character(struct quern_buffer *text, char c)
{
  row_extend(text, &c, 1);
}

static bool needs_quotes(const struct csv *csv, struct bytes field, int column_count)
{
  size_t null = strlen(csv->null);
  if (field.size == null && memcmp(field.data, csv->null, null) == 0)
    return true;
  if (column_count == 1 && (field.size == 0 || (field.size == 2 && memcmp(field.data, "\\.", 2) == 0)))
    return true; // neither a blank line nor COPY's end
  for (size_t i = 0; i < field.size; i++) {
    char c = (char)field.data[i];
    if (c == csv->delimiter || c == csv->quote || c == '\n' || c == '\r')
      return true;
  }
  return false;
}

static void add_csv_field(const struct file_sink *file, struct bytes field, struct quern_buffer *text)
{
  const struct csv *csv = &file->csv;
  if (!needs_quotes(csv, field, file->column_count)) {
    row_extend(text, field.data, field.size);
    return;
  }
  add_character(text, csv->quote);
  for (size_t i = 0; i < field.size; i++) {
    char c = (char)field.data[i];
    if (c == csv->quote || c == csv->escape)
      add_character(text, csv->escape);
    add_character(text, c);
  }
  add_character(text, csv->quote);
}

// A character of a JSON string.
static void add_json_character(uint8_t c, struct quern_buffer *text)
{
  static const char escaped[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
  const char *at = c ? strchr(escaped, c) : NULL;
  if (at) {
    add_character(text, '\\');
    add_character(text, names[at - escaped]);
  } else if (c < 32) {
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", c);
    row_extend(text, escape, 6);
  } else {
    add_character(text, (char)c);
  }
}

static void add_json_string(struct bytes string, struct quern_buffer *text)
{
  add_character(text, '"');
  for (size_t i = 0; i < string.size; i++)
    add_json_character(string.data[i], text);
  add_character(text, '"');
}

// Of a JSON text whatever stands between its parts stays, but for line ends: a row is a line.
static void add_json(struct bytes json, struct quern_buffer *text)
{
  for (size_t i = 0; i < json.size; i++)
    add_character(text, json.data[i] == '\n' || json.data[i] == '\r' ? ' ' : (char)json.data[i]);
}

// Numbers stand as they are, but for those that JSON does not have (NaN, Infinity).
static void add_json_value(uint32_t type, struct bytes value, struct quern_buffer *text)
{
  bool is_finite = value.size && (value.data[value.size - 1] <= '9');
  switch (type) {
  case OID_BOOLEAN: row_extend(text, value.data[0] == 't' ? "true" : "false", value.data[0] == 't' ? 4 : 5); break;
  case OID_JSON:
  case OID_JSONB: add_json(value, text); break;
  case OID_INT2:
  case OID_INT4:
  case OID_INT8:
  case OID_OID:
  case OID_FLOAT4:
  case OID_FLOAT8:
  case OID_NUMERIC:
    if (is_finite) {
      row_extend(text, value.data, value.size);
      break;
    }
    add_json_string(value, text);
    break;
  default: add_json_string(value, text);
  }
}

// The elements' type of an array whose elements JSON has as they are; OID_TEXT for other arrays, whose elements become
// strings; 0: it is no array.
static uint32_t element_type(uint32_t type)
{
  static const uint32_t pairs[][2] = {
    {1000, OID_BOOLEAN}, {1005, OID_INT2}, {1007, OID_INT4}, {1016, OID_INT8}, {1021, OID_FLOAT4}, {1022, OID_FLOAT8},
    {1028, OID_OID}, {1231, OID_NUMERIC}, {199, OID_JSON}, {3807, OID_JSONB}, {1001, OID_TEXT}, {1002, OID_TEXT},
    {1003, OID_TEXT}, {1009, OID_TEXT}, {1014, OID_TEXT}, {1015, OID_TEXT}, {1115, OID_TEXT}, {1182, OID_TEXT},
    {1183, OID_TEXT}, {1185, OID_TEXT}, {1187, OID_TEXT}, {1270, OID_TEXT}, {2951, OID_TEXT},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (pairs[i][0] == type)
      return pairs[i][1];
  return 0;
}

// An element in quotes, from *at, which is behind the first of them and moves behind the last.
static void add_quoted_element(uint32_t type, struct bytes array, size_t *at, struct quern_buffer *text)
{
  bool is_json = type == OID_JSON || type == OID_JSONB;
  if (!is_json)
    add_character(text, '"');
  for (; *at < array.size && array.data[*at] != '"'; ++*at) {
    *at += array.data[*at] == '\\' && *at + 1 < array.size;
    if (is_json)
      add_json(bytes_of(array.data + *at, 1), text);
    else
      add_json_character(array.data[*at], text);
  }
  ++*at;
  if (!is_json)
    add_character(text, '"');
}

// {1,NULL,"a b"} as [1,null,"a b"]; bounds before it are left out.
static void add_json_array(uint32_t type, struct bytes array, struct quern_buffer *text)
{
  size_t at = 0;
  while (at < array.size && array.data[at] != '{')
    at++;
  while (at < array.size) {
    uint8_t c = array.data[at++];
    size_t start = at - 1;
    if (c == '"') {
      add_quoted_element(type, array, &at, text);
    } else if (c == '{' || c == '}' || c == ',') {
      add_character(text, c == '{' ? '[' : c == '}' ? ']' : ',');
    } else {
      while (at < array.size && array.data[at] != ',' && array.data[at] != '}')
        at++;
      struct bytes element = bytes_of(array.data + start, at - start);
      if (bytes_equal(element, bytes_of_string("NULL")))
        row_extend(text, "null", 4);
      else
        add_json_value(type, element, text);
    }
  }
}

static void add_column(const struct file_sink *file, int column, const uint8_t *field, int32_t size, struct quern_buffer *text)
{
  struct bytes value = bytes_of(field, size < 0 ? 0 : (size_t)size);
  if (!file->is_json) {
    if (column)
      add_character(text, file->csv.delimiter);
    if (size < 0)
      row_extend(text, file->csv.null, strlen(file->csv.null));
    else
      add_csv_field(file, value, text);
    return;
  }
  add_character(text, column ? ',' : '{');
  add_json_string(bytes_of_string(file->columns[column].name), text);
  add_character(text, ':');
  uint32_t type = file->columns[column].type, element = element_type(type);
  if (size < 0)
    row_extend(text, "null", 4);
  else if (element)
    add_json_array(element, value, text);
  else
    add_json_value(type, value, text);
}

static void end_row(const struct file_sink *file, struct quern_buffer *text)
{
  if (file->is_json)
    add_character(text, '}');
  add_character(text, '\n');
}

static void add_header(struct file_sink *file)
{
  for (int i = 0; i < file->column_count; i++) {
    if (i)
      add_character(&file->text, file->csv.delimiter);
    add_csv_field(file, bytes_of_string(file->columns[i].name), &file->text);
  }
  add_character(&file->text, '\n');
}

static int format_rows(struct file_sink *file, const struct quern_delivery *delivery, struct quern_error *error)
{
  struct quern_buffer *text = &file->text;
  text->size = 0;
  text->failed = false;
  if (file->has_header && file->length == 0)
    add_header(file);
  size_t at = 0;
  for (int row = 0; row < delivery->row_count; row++) {
    at += 2;
    for (int i = 0; i < file->column_count; i++) {
      int32_t size = (int32_t)get_be32(delivery->rows + at);
      add_column(file, i, delivery->rows + at + 4, size, text);
      at += 4 + (size_t)(size < 0 ? 0 : size);
    }
    end_row(file, text);
  }
  if (!text->failed)
    return 0;
  connector_error(error, "53200", "out of memory");
  return error->status = STATUS_NO_ROOM;
}

static int file_sink_deliver(void *sink, const struct quern_delivery *delivery, struct quern_error *error)
{
  struct file_sink *file = sink;
  if ((file->is_torn && cut(file, error)) || check_own(file, error) || format_rows(file, delivery, error))
    return -1;
  size_t at = 0;
  while (at < file->text.size) {
    ssize_t written = pwrite(file->descriptor, file->text.data + at, file->text.size - at, (off_t)(file->length + at));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      int reason = written ? errno : ENOSPC;
      file->is_torn = true;
      struct quern_error ignored;
      (void)cut(file, &ignored); // otherwise before the next attempt
      return file_trouble(file, "write to", reason, error);
    }
    at += (size_t)written;
  }
  file->length += file->text.size;
  return 0;
}

// What fdatasync has once refused it may claim the next time: the sink fails, and what it wrote is written again.
static int file_sink_sync(void *sink, struct quern_position *position, struct quern_error *error)
{
  struct file_sink *file = sink;
  if (fdatasync(file->descriptor)) {
    file_trouble(file, "fsync", errno, error);
    return error->status = -1;
  }
  file->durable = file->length;
  give_position(file, position);
  return 0;
}

void connector_file_sink(struct quern_sink_connector *connector, struct folders *folders)
{
  *connector = (struct quern_sink_connector){
      .name = "file",
      .context = folders,
      .check = file_sink_check,
      .open = file_sink_open,
      .deliver = file_sink_deliver,
      .sync = file_sink_sync,
      .close = file_sink_close,
  };
}
