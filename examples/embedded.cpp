// Quern inside a C++ program: counts words, by statements with parameters.
// Build: c++ -std=c++17 embedded.cpp $(pkg-config --cflags --libs quern)
#include <quern.h>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Row = std::vector<std::string>;

class Engine {
public:
  Engine()
  {
    quern_options options{};
    options.abi = QUERN_ABI;
    quern_error error{};
    quern *opened = nullptr;
    if (quern_open(&options, &opened, &error))
      throw std::runtime_error(error.message);
    engine.reset(opened);
    quern_session_options session_options{};
    session = quern_session_open(opened, &session_options, &error);
    if (!session)
      throw std::runtime_error(error.message);
  }

  // All rows, as text.
  std::vector<Row> query(const std::string &text, const std::vector<std::string> &parameters = {})
  {
    Answer answer;
    std::vector<quern_value> values;
    for (const std::string &parameter : parameters) {
      quern_value value{};
      value.kind = QUERN_TEXT;
      value.text = parameter.data();
      value.size = parameter.size();
      values.push_back(value);
    }
    quern_receiver receiver{};
    receiver.row = [](void *context, const quern_value *given, int count) {
      Row row;
      for (int i = 0; i < count; i++)
        row.push_back(given[i].kind == QUERN_INTEGER ? std::to_string(given[i].integer)
                      : given[i].kind == QUERN_TEXT  ? std::string(given[i].text, given[i].size)
                                                     : "");
      static_cast<Answer *>(context)->rows.push_back(std::move(row));
    };
    receiver.done = [](void *context, const quern_result *result) {
      auto *whole = static_cast<Answer *>(context);
      whole->is_done = true;
      if (result->error)
        whole->complaint = result->error->message;
    };
    receiver.context = &answer;
    quern_statement *statement = quern_statement_prepare(session, text.c_str());
    if (!statement || quern_statement_execute(statement, values.data(), static_cast<int>(values.size()), &receiver) < 0)
      throw std::runtime_error("out of memory");
    while (!answer.is_done)
      if (quern_run(engine.get(), 1) == 0 && !answer.is_done)
        quern_wait(engine.get(), -1);
    quern_statement_close(statement);
    if (!answer.complaint.empty())
      throw std::runtime_error(answer.complaint);
    return answer.rows;
  }

private:
  struct Answer {
    bool is_done = false;
    std::string complaint;
    std::vector<Row> rows;
  };
  struct Close {
    void operator()(quern *closed) const { quern_close(closed); }
  };
  std::unique_ptr<quern, Close> engine;
  quern_session *session = nullptr; // the engine's
};

} // namespace

int main()
try {
  Engine engine;
  engine.query("CREATE TABLE counts (word text PRIMARY KEY, n bigint)");
  for (const char *word : {"to", "be", "or", "not", "to", "be"})
    engine.query("INSERT INTO counts VALUES ($1, 1) ON CONFLICT (word) DO UPDATE SET n = counts.n + 1", {word});
  for (const Row &row : engine.query("SELECT word, n FROM counts ORDER BY n DESC, word LIMIT 2"))
    std::cout << row[0] << ' ' << row[1] << '\n';
} catch (const std::exception &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
