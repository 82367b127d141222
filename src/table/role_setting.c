// A row that is malformed is none.
#include "table/role_setting.h"

#include "table/internal.h"

enum { ROW_VERSION = 1, KEY = 5 };

static void make_key(bool of_database, uint32_t role, uint8_t *key)
{
  key[0] = of_database;
  put_be32(key + 1, role);
}

static bool decode(struct bytes row, struct bytes *list)
{
  bool is_good = row.size > 1 && row.data[0] == ROW_VERSION && row.data[row.size - 1] == 0;
  if (is_good)
    *list = bytes_of(row.data + 1, row.size - 1);
  return is_good;
}

bool role_settings_find(const struct version *version, bool of_database, uint32_t role, struct read_mark *mark,
                        struct bytes *list)
{
  uint8_t key[KEY];
  struct bytes row;
  make_key(of_database, role, key);
  return tree_get(version, TREE_ROLE_SETTINGS, bytes_of(key, KEY), &row, mark) && decode(row, list);
}

bool role_settings_next(const struct version *version, struct role_settings *settings)
{
  struct cursor cursor;
  uint8_t key[KEY];
  bool is_first = !settings->list.data, is_found = false;
  make_key(settings->of_database, settings->role, key);
  cursor_init(&cursor, version, TREE_ROLE_SETTINGS, NULL);
  bool is_there = cursor_seek(&cursor, bytes_of(key, is_first ? 0 : KEY));
  if (is_there && !is_first && bytes_compare(cursor.key, bytes_of(key, KEY)) == 0)
    is_there = cursor_next(&cursor);
  for (; is_there && !is_found; is_there = is_found || cursor_next(&cursor)) {
    is_found = cursor.key.size == KEY && decode(cursor.row, &settings->list);
    if (is_found) {
      settings->of_database = cursor.key.data[0];
      settings->role = get_be32(cursor.key.data + 1);
    }
  }
  cursor_deinit(&cursor);
  return is_found;
}

int role_settings_put(struct writer *writer, bool of_database, uint32_t role, struct bytes list)
{
  size_t mark = change_mark(writer->changes);
  uint8_t key[KEY];
  struct buffer row = {0};
  make_key(of_database, role, key);
  buffer_append_u8(&row, ROW_VERSION);
  buffer_append(&row, list.data, list.size);
  int status = row.failed    ? error_memory(writer->error)
               : list.size ? write_put(writer, TREE_ROLE_SETTINGS, 0, PUT_ANY, bytes_of(key, KEY), buffer_bytes(&row), NULL)
                           : write_delete(writer, TREE_ROLE_SETTINGS, 0, bytes_of(key, KEY));
  buffer_deinit(&row);
  if (status < 0)
    return write_undo(writer, mark, status);
  version_touch_definitions(writer->version);
  return STATUS_OK;
}
