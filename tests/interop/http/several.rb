# Several requests of one Net::HTTP connection: several.rb PORT. Prints their answers.
require "net/http"
require "stringio"

page = nil
Net::HTTP.start("127.0.0.1", ARGV.fetch(0).to_i, read_timeout: 20) do |http|
  http.continue_timeout = 20 # Before a body is sent without leave.
  3.times { puts http.get("/2").body }
  puts http.post("/count", "").body
  puts http.post("/echo", "x" * 2000).body.length
  puts http.head("/page")["Content-Length"]
  page = http.get("/page").body
  chunked = Net::HTTP::Post.new("/echo", "Transfer-Encoding" => "chunked", "Expect" => "100-continue")
  chunked.body_stream = StringIO.new(page)
  puts http.request(chunked).body == page
  puts http.get("/later").body
end
puts page.length
