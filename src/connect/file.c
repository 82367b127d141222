// connector = 'file': the rows of a file, CSV or a JSON object on each line; with `follow` also those that are added to it,
// and those of the files that take its place.
//
// Options: path; format 'csv' or 'json'; follow; interval (100ms: how often a file that is followed is looked at);
// atom_rows; for CSV delimiter, quote, escape, null, header ('true', 'false', 'match'), as in COPY.
//
// 1. A position names the file by its inode and by a hash of its first bytes, and a byte behind a whole row. What comes
//    back at it goes on there, wherever the file is by then.
// 2. A file that was renamed is read to its end before the one that has its name now; between them come those that are
//    newer than it and have its name with something behind it (log, log.1, log-20260101), the oldest first.
// 3. What is wrong with the file is told once, and looked at again until it is mended. Rows are never left out for it.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "connect/connectors.h"
#include "connect/csv.h"
#include "connect/folder.h"
#include "connect/support.h"

enum {
  ROW_BYTES = 16 * 1024 * 1024, // of the longest row
  READ_BYTES = 256 * 1024,
  HEAD_BYTES = 512, // by which a file is known
  RETRY_US = 1000 * 1000,
  POSITION_VERSION = 1,
  TEXT = 256,
};

enum header { HEADER_NONE, HEADER_SKIP, HEADER_MATCH };

// Where the rows that were given end.
struct place {
  uint64_t device, inode;    // 0: no file yet
  uint64_t offset, line;     // lines before it
  uint64_t head_hash, head_size;
  uint64_t header_hash;      // 0: none was seen
};
enum { PLACE_FIELDS = sizeof(struct place) / 8 };

struct file {
  struct folders *folders;
  char *path;
  bool is_json, follows;
  enum header header;
  struct csv csv;
  char *null;
  int64_t interval_us;
  int64_t atom_rows; // 0: as the engine asks
  int column_count;
  char **columns;

  int descriptor; // -1: none is open
  char name[TEXT]; // of the one that is open, in its directory
  bool is_turned;  // it does not have the path any more: it is read to its end
  bool saw_end;    // since then
  struct place place;
  struct csv_scan scan;
  uint8_t *data; // from place.offset on
  size_t size, at, capacity;
  char complaint[2 * TEXT]; // that was told last; empty: all is well
  int64_t missing_since;    // the path; 0: it is there
};

// --- Options ------------------------------------------------------------------------------------------------------

static int read_csv_options(const struct quern_source_info *info, struct file *file, struct quern_error *error)
{
  if (csv_options(info, &file->csv, error))
    return -1;
  const char *header = option_find(info, "header");
  bool is_given;
  file->header = header && strcmp(header, "match") == 0 ? HEADER_MATCH : HEADER_NONE;
  if (file->header == HEADER_MATCH)
    return 0;
  if (option_boolean(info, "header", &is_given, error))
    return connector_error(error, "22023", "option header of source \"%s\" must be true, false or match, not \"%s\"",
                           info->name, header);
  file->header = is_given ? HEADER_SKIP : HEADER_NONE;
  return 0;
}

// Fills what needs no memory.
static int read_options(const struct quern_source_info *info, struct file *file, struct quern_error *error)
{
  static const char *const known[] = {"path",  "format", "follow", "interval", "atom_rows", "delimiter",
                                      "quote", "escape", "null",   "header",   NULL};
  *file = (struct file){.folders = info->context, .column_count = info->column_count, .descriptor = -1};
  const char *path = option_find(info, "path");
  if (option_check_known(info, known, error))
    return -1;
  if (!path)
    return connector_error(error, "22023", "source \"%s\" needs the option path", info->name);
  if (folders_check(file->folders, path, error))
    return -1;
  if (option_format(info, &file->is_json, error))
    return -1;
  if (option_boolean(info, "follow", &file->follows, error) ||
      option_interval(info, "interval", 100 * 1000, &file->interval_us, error) ||
      option_integer(info, "atom_rows", 1, 1000000, 0, &file->atom_rows, error))
    return -1;
  return read_csv_options(info, file, error);
}

static int file_check(const struct quern_source_info *info, struct quern_error *error)
{
  struct file file;
  return read_options(info, &file, error);
}

static void file_close(void *source)
{
  struct file *file = source;
  if (file->descriptor >= 0)
    close(file->descriptor);
  for (int i = 0; file->columns && i < file->column_count; i++)
    free(file->columns[i]);
  free(file->columns);
  free(file->path);
  free(file->null);
  free(file->data);
  free(file);
}

static bool copy_names(const struct quern_source_info *info, struct file *file)
{
  const char *null = option_find(info, "null");
  file->path = strdup(option_find(info, "path"));
  file->csv.null = file->null = strdup(null ? null : "");
  file->columns = calloc((size_t)info->column_count + 1, sizeof *file->columns);
  bool is_whole = file->path && file->null && file->columns;
  for (int i = 0; is_whole && i < info->column_count; i++)
    is_whole = (file->columns[i] = strdup(info->columns[i].name));
  return is_whole;
}

static void *file_open(const struct quern_source_info *info, const uint8_t *position, size_t size, struct quern_error *error)
{
  struct file *file = malloc(sizeof *file);
  if (!file) {
    connector_error(error, "53200", "out of memory");
    return NULL;
  }
  int status = read_options(info, file, error);
  if (!status && !copy_names(info, file))
    status = connector_error(error, "53200", "out of memory");
  if (!status && size && (size != 1 + sizeof file->place || position[0] != POSITION_VERSION))
    status = connector_error(error, "XX001", "the position of source \"%s\" is none of a file", info->name);
  if (status) {
    file_close(file);
    return NULL;
  }
  for (int i = 0; size && i < PLACE_FIELDS; i++)
    ((uint64_t *)&file->place)[i] = get_le64(position + 1 + 8 * i);
  return file;
}

// --- What is told -------------------------------------------------------------------------------------------------

static void give_position(const struct file *file, struct quern_batch *batch)
{
  batch->position[0] = POSITION_VERSION;
  for (int i = 0; i < PLACE_FIELDS; i++)
    put_le64(batch->position + 1 + 8 * i, ((const uint64_t *)&file->place)[i]);
  batch->position_size = 1 + sizeof file->place;
}

static void add_bad(struct quern_batch *batch, const char *reason, struct bytes text)
{
  enum { SHOWN = 1024 };
  row_add_bad(&batch->rows, reason, text.data, text.size < SHOWN ? text.size : SHOWN);
  batch->row_count++;
}

// Something is wrong with the file. Told once; gives when to look again.
static int64_t complain(struct file *file, struct quern_batch *batch, const char *text)
{
  if (strcmp(file->complaint, text) != 0) {
    snprintf(file->complaint, sizeof file->complaint, "%s", text);
    add_bad(batch, text, bytes_of(NULL, 0));
    give_position(file, batch);
  }
  return RETRY_US;
}

static int64_t complain_of_name(struct file *file, struct quern_batch *batch, const char *what)
{
  char text[2 * TEXT];
  snprintf(text, sizeof text, "file \"%.200s\" %s", file->path, what);
  return complain(file, batch, text);
}

// --- Files --------------------------------------------------------------------------------------------------------

static const char *base_name(const struct file *file)
{
  const char *slash = strrchr(file->path, '/');
  return slash ? slash + 1 : file->path;
}

// A file of that name in the path's directory.
static int open_named(const struct file *file, const char *name, struct quern_error *error)
{
  char path[PATH_MAX];
  int size = snprintf(path, sizeof path, "%.*s%s", (int)(base_name(file) - file->path), file->path, name);
  if (size < 0 || (size_t)size >= sizeof path)
    return connector_error(error, "22023", "the path is too long");
  return folders_open(file->folders, path, O_RDONLY | O_NONBLOCK, error);
}

static uint64_t hash_head(int descriptor, uint64_t size)
{
  uint8_t head[HEAD_BYTES];
  ssize_t got = pread(descriptor, head, size, 0);
  return got == (ssize_t)size ? hash64(head, size, 0) : 0;
}

// Is it the one at which the place is?
static bool is_same(const struct file *file, int descriptor, const struct stat *stat)
{
  const struct place *place = &file->place;
  return stat->st_dev == place->device && stat->st_ino == place->inode &&
         (!place->head_size || hash_head(descriptor, place->head_size) == place->head_hash);
}

// May a file of this name have had the path before? Not one that was packed since.
static bool is_turned_name(const struct file *file, const char *name)
{
  static const char *const packed[] = {".gz", ".xz", ".bz2", ".zst", ".Z"};
  size_t size = strlen(base_name(file)), length = strlen(name);
  if (strncmp(name, base_name(file), size) != 0 || !strchr(".-_", name[size]) || !name[size])
    return false;
  for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++)
    if (length > strlen(packed[i]) && strcmp(name + length - strlen(packed[i]), packed[i]) == 0)
      return false;
  return true;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
  return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

// Of the files that had the path before: the one at which the place is (after: NULL), or the oldest that is newer than
// `after`. A descriptor, its name in *name; -1: there is none.
static int find_turned(const struct file *file, const struct stat *after, char *name)
{
  struct quern_error ignored;
  int directory = open_named(file, ".", &ignored), found = -1;
  DIR *list = directory >= 0 ? fdopendir(directory) : NULL;
  if (!list && directory >= 0)
    close(directory);
  struct timespec oldest = {0};
  struct dirent *entry;
  while (list && (entry = readdir(list))) {
    int descriptor = is_turned_name(file, entry->d_name) ? open_named(file, entry->d_name, &ignored) : -1;
    struct stat stat;
    if (descriptor < 0)
      continue;
    bool is_one = fstat(descriptor, &stat) == 0 && S_ISREG(stat.st_mode) &&
                  (after ? stat.st_ino != after->st_ino && is_before(&after->st_mtim, &stat.st_mtim) &&
                             (found < 0 || is_before(&stat.st_mtim, &oldest))
                         : found < 0 && is_same(file, descriptor, &stat));
    if (!is_one) {
      close(descriptor);
      continue;
    }
    if (found >= 0)
      close(found);
    found = descriptor;
    oldest = stat.st_mtim;
    snprintf(name, TEXT, "%s", entry->d_name);
  }
  if (list)
    closedir(list);
  return found;
}

static void take_descriptor(struct file *file, int descriptor, const char *name, bool is_turned)
{
  if (file->descriptor >= 0)
    close(file->descriptor);
  file->descriptor = descriptor;
  snprintf(file->name, sizeof file->name, "%s", name);
  file->is_turned = is_turned;
  file->saw_end = false;
  file->size = file->at = 0;
  file->scan = (struct csv_scan){0};
}

// A file of which nothing was read.
static void begin_file(struct file *file, const struct stat *stat)
{
  file->place = (struct place){.device = stat->st_dev, .inode = stat->st_ino, .header_hash = file->place.header_hash};
}

// Opens the file at which the place is, or the path's. 0: it is open. Else when to look again.
static int64_t open_file(struct file *file, struct quern_batch *batch)
{
  struct quern_error error = {0};
  int descriptor = open_named(file, base_name(file), &error);
  struct stat stat;
  char name[TEXT];
  if (descriptor >= 0 && (fstat(descriptor, &stat) || !S_ISREG(stat.st_mode))) {
    close(descriptor);
    return complain_of_name(file, batch, "is not a regular file");
  }
  if (file->place.inode && (descriptor < 0 || !is_same(file, descriptor, &stat))) {
    bool was_rewritten = descriptor >= 0 && stat.st_ino == file->place.inode;
    int turned = find_turned(file, NULL, name);
    if (turned >= 0) {
      if (descriptor >= 0)
        close(descriptor);
      take_descriptor(file, turned, name, true);
      return 0;
    }
    if (descriptor >= 0 && !file->follows && file->place.offset) {
      close(descriptor);
      return complain_of_name(file, batch, "is not the one that was read before");
    }
    if (descriptor >= 0 && file->place.offset) // what was not read of the one before is gone
      complain_of_name(file, batch, was_rewritten ? "was written anew, and is read from its beginning"
                                                  : "has taken the place of one that was not read to its end");
    if (descriptor >= 0)
      begin_file(file, &stat);
  }
  if (descriptor < 0)
    return complain(file, batch, error.message);
  if (!file->place.inode)
    begin_file(file, &stat);
  if ((uint64_t)stat.st_size < file->place.offset) {
    close(descriptor);
    return complain_of_name(file, batch, "is shorter than what was read of it");
  }
  take_descriptor(file, descriptor, base_name(file), false);
  return 0;
}

// --- Rows ---------------------------------------------------------------------------------------------------------

static struct bytes unread(const struct file *file)
{
  return bytes_of(file->data + file->at, file->size - file->at);
}

// More bytes of the file. Their number, 0 at its end; -1: out of memory, or it cannot be read.
static ssize_t fill(struct file *file)
{
  if (file->at > 0) {
    memmove(file->data, file->data + file->at, file->size - file->at);
    file->size -= file->at;
    file->at = 0;
  }
  if (file->capacity - file->size < READ_BYTES) {
    size_t capacity = file->capacity ? 2 * file->capacity : 2 * READ_BYTES;
    uint8_t *data = realloc(file->data, capacity);
    if (!data)
      return -1;
    file->data = data;
    file->capacity = capacity;
  }
  ssize_t got = pread(file->descriptor, file->data + file->size, file->capacity - file->size,
                      (off_t)(file->place.offset + file->size));
  if (got > 0)
    file->size += (size_t)got;
  return got;
}

// Up to here all was given.
static void pass(struct file *file, size_t size, size_t lines)
{
  file->at += size;
  file->place.offset += size;
  file->place.line += lines;
  file->scan = (struct csv_scan){0};
}

static void bad_row(struct file *file, struct quern_batch *batch, struct bytes record, const char *what, int column)
{
  char text[2 * TEXT], reason[TEXT];
  bool has_column = strstr(what, "%s") && column < file->column_count;
  snprintf(reason, sizeof reason, "%.*s%.60s%s", (int)strcspn(what, "%"), what, has_column ? file->columns[column] : "",
           has_column ? "\"" : "");
  snprintf(text, sizeof text, "%s: %.120s, line %llu", reason, file->name, (unsigned long long)file->place.line + 1);
  add_bad(batch, text, record);
}

static bool is_blank(struct bytes record)
{
  for (size_t i = 0; i < record.size; i++)
    if (record.data[i] != ' ' && record.data[i] != '\t')
      return false;
  return true;
}

static void add_record(struct file *file, struct quern_batch *batch, struct bytes record)
{
  if (is_blank(record) && (file->is_json || file->column_count > 1))
    return;
  if (file->is_json) {
    row_begin(&batch->rows, 1);
    row_add_bytes(&batch->rows, record.data, (int32_t)record.size);
    batch->row_count++;
    return;
  }
  int column;
  const char *wrong = csv_row(&file->csv, record, file->column_count, &batch->rows, &column);
  if (wrong)
    bad_row(file, batch, record, wrong, column);
  else
    batch->row_count++;
}

// The bytes of the next record. 0: there is no whole one.
static size_t next_record(struct file *file, bool at_end)
{
  struct bytes rest = unread(file);
  if (!file->is_json)
    return csv_record(&file->csv, rest, at_end, &file->scan);
  const uint8_t *end = memchr(rest.data + file->scan.at, '\n', rest.size - file->scan.at);
  file->scan.at = rest.size;
  return end ? (size_t)(end + 1 - rest.data) : at_end ? rest.size : 0;
}

// A quote that is never closed makes a record of all that follows: it ends with its first line instead.
static size_t first_line(const struct file *file)
{
  struct bytes rest = unread(file);
  const uint8_t *end = memchr(rest.data, '\n', rest.size);
  return end ? (size_t)(end + 1 - rest.data) : rest.size;
}

static bool header_matches(const struct file *file, struct bytes header)
{
  struct quern_buffer row = {0};
  int column;
  bool is_match = !csv_row(&file->csv, header, file->column_count, &row, &column) && !row.failed;
  size_t at = 2;
  for (int i = 0; is_match && i < file->column_count; i++) {
    int32_t size = (int32_t)get_be32(row.data + at);
    is_match = size >= 0 && (size_t)size == strlen(file->columns[i]) && !memcmp(row.data + at + 4, file->columns[i], (size_t)size);
    at += 4 + (size_t)(size > 0 ? size : 0);
  }
  quern_buffer_free(&row);
  return is_match;
}

// It cannot be read as it is: when it is looked at again it may be another one.
static int64_t refuse(struct file *file, struct quern_batch *batch, const char *what)
{
  close(file->descriptor);
  file->descriptor = -1;
  return complain_of_name(file, batch, what);
}

// The first bytes of a file: its mark of UTF-8, and its header. 0: they are done with. Else when to look again.
static int64_t begin_rows(struct file *file, struct quern_batch *batch)
{
  struct bytes rest = unread(file);
  if (rest.size >= 2 && (memcmp(rest.data, "\xff\xfe", 2) == 0 || memcmp(rest.data, "\xfe\xff", 2) == 0))
    return refuse(file, batch, "is not encoded as UTF-8");
  size_t mark = rest.size >= 3 && memcmp(rest.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  if (file->header == HEADER_NONE) {
    pass(file, mark, 0);
    return 0;
  }
  file->at += mark;
  size_t size = next_record(file, file->saw_end);
  struct bytes header = csv_trim(bytes_of(file->data + file->at, size));
  file->at -= mark;
  if (!size)
    return file->interval_us; // it comes yet
  uint64_t hash = hash64(header.data, header.size, 0);
  if (file->header == HEADER_MATCH && !header_matches(file, header))
    return refuse(file, batch, "does not name the source's columns in its header");
  if (file->place.header_hash && file->place.header_hash != hash)
    return refuse(file, batch, "has another header than the one before it");
  file->place.header_hash = hash;
  pass(file, mark + size, 1 + file->scan.lines);
  return 0;
}

static void note_head(struct file *file)
{
  uint64_t size = file->place.offset < HEAD_BYTES ? file->place.offset : HEAD_BYTES;
  if (size == file->place.head_size)
    return;
  file->place.head_size = size;
  file->place.head_hash = hash_head(file->descriptor, size);
}

// Rows of what was read, up to the limit.
static void take_rows(struct file *file, struct quern_batch *batch, int limit, bool at_end)
{
  size_t size;
  while (batch->row_count < limit && file->at < file->size && (size = next_record(file, at_end)) > 0) {
    size_t lines = 1 + file->scan.lines;
    struct bytes record = bytes_of(file->data + file->at, size);
    if (at_end && size == unread(file).size && file->scan.in_quotes && first_line(file) < size) {
      size = first_line(file);
      lines = 1;
      bad_row(file, batch, csv_trim(bytes_of(record.data, size)), "unterminated CSV quoted field", 0);
    } else {
      add_record(file, batch, csv_trim(record));
    }
    pass(file, size, lines);
  }
  if (batch->row_count < limit && unread(file).size > ROW_BYTES) {
    size_t line = first_line(file);
    bad_row(file, batch, bytes_of(file->data + file->at, line), "the row is longer than 16 MiB", 0);
    pass(file, line, 1);
  }
}

// --- The end of a file --------------------------------------------------------------------------------------------

// What comes behind a file that was read to its end and does not have the path any more.
static int64_t turn(struct file *file)
{
  struct stat stat;
  char name[TEXT];
  int next = fstat(file->descriptor, &stat) ? -1 : find_turned(file, &stat, name);
  struct quern_error ignored;
  if (next < 0) {
    next = open_named(file, base_name(file), &ignored);
    snprintf(name, sizeof name, "%s", base_name(file));
  }
  if (next < 0 || fstat(next, &stat)) {
    if (next >= 0)
      close(next);
    return file->interval_us;
  }
  begin_file(file, &stat);
  take_descriptor(file, next, name, strcmp(name, base_name(file)) != 0);
  return 0;
}

// Nothing more can be read at the moment. Gives when to look again; -1: never.
static int64_t at_end(struct file *file, struct quern_batch *batch)
{
  struct stat open, named;
  struct quern_error error;
  if (!file->follows)
    return unread(file).size ? 0 : -1;
  if (fstat(file->descriptor, &open) == 0 && (uint64_t)open.st_size < file->place.offset) {
    close(file->descriptor);
    file->descriptor = -1; // how it is opened again tells what has become of it
    return 0;
  }
  if (file->is_turned && file->saw_end)
    return unread(file).size ? 0 : turn(file);
  int descriptor = file->is_turned ? -1 : open_named(file, base_name(file), &error);
  bool is_there = descriptor >= 0 && fstat(descriptor, &named) == 0;
  if (descriptor >= 0)
    close(descriptor);
  if (!file->is_turned && !is_there) {
    if (!file->missing_since)
      file->missing_since = batch->now_us;
    if (batch->now_us - file->missing_since >= RETRY_US)
      complain_of_name(file, batch, "has vanished");
    return file->interval_us;
  }
  file->missing_since = 0;
  if (file->is_turned || named.st_ino != open.st_ino || named.st_dev != open.st_dev) {
    file->is_turned = file->saw_end = true; // what its writer adds last is still read
    return 0;
  }
  file->complaint[0] = 0;
  return file->interval_us;
}

static int64_t file_poll(void *source, struct quern_batch *batch, int max_rows)
{
  struct file *file = source;
  int limit = file->atom_rows && file->atom_rows < max_rows ? (int)file->atom_rows : max_rows;
  batch->is_json = file->is_json;
  int64_t wait = 0;
  while (!wait && batch->row_count < limit) {
    if (file->descriptor < 0) {
      wait = open_file(file, batch);
      continue;
    }
    if (file->at == file->size || next_record(file, false) == 0) {
      ssize_t got = fill(file);
      if (got < 0)
        return complain_of_name(file, batch, "could not be read");
      bool is_last = got == 0 && (!file->follows || (file->is_turned && file->saw_end));
      if (got == 0 && !is_last) {
        wait = at_end(file, batch);
        continue;
      }
      file->saw_end |= is_last;
      if (is_last && file->at == file->size) {
        wait = at_end(file, batch);
        continue;
      }
    }
    file->scan = (struct csv_scan){0};
    if (file->place.offset == 0)
      wait = begin_rows(file, batch);
    if (!wait)
      take_rows(file, batch, limit, file->saw_end);
  }
  struct stat stat;
  if (file->descriptor >= 0 && fstat(file->descriptor, &stat) == 0) {
    note_head(file);
    batch->lag = stat.st_size - (int64_t)file->place.offset;
  }
  give_position(file, batch);
  return wait;
}

void connector_file(struct quern_connector *connector, struct folders *folders)
{
  *connector = (struct quern_connector){
    .name = "file",
    .context = folders,
    .check = file_check,
    .open = file_open,
    .poll = file_poll,
    .close = file_close,
  };
}
