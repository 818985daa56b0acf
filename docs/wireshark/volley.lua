-- Wireshark's view of the Volley protocol, version 1 (docs/PROTOCOL.md 3): DATA, ANNOUNCE and REPORT. The symbols of an
-- encrypted session are shown as they travel: the key is not in it.
-- Found by its looks on any UDP port; a port range in the preferences claims everything on it, so that what is
-- malformed is shown as such.

local volley = Proto("volley", "Volley multicast imaging")

local header_bytes, fixed_bytes, run_bytes, moved_bytes, tag_bytes = 28, 28, 10, 4, 16
local overhead_bytes = header_bytes + tag_bytes
local symbol_bytes_least, symbol_bytes_most, symbol_bytes_step = 256, 8896, 64
local symbol_numbers = 256
local DATA, ANNOUNCE, REPORT, ENCRYPTED = 1, 2, 3, 129
local types = { [DATA] = "DATA", [ANNOUNCE] = "ANNOUNCE", [REPORT] = "REPORT", [ENCRYPTED] = "DATA, encrypted" }

local f = {
  datagram = ProtoField.none("volley.datagram", "Datagram"),
  version = ProtoField.uint8("volley.version", "Version"),
  type = ProtoField.uint8("volley.type", "Type", base.DEC, types),
  stream = ProtoField.uint16("volley.stream", "Stream"),
  session = ProtoField.uint32("volley.session", "Session"),
  start = ProtoField.uint32("volley.start", "Sender start"),
  counter = ProtoField.uint64("volley.counter", "Counter"),
  block = ProtoField.uint32("volley.block", "Block"),
  symbol_number = ProtoField.uint16("volley.symbol_number", "Symbol number"),
  to_come = ProtoField.uint16("volley.to_come", "Symbols of this block still to come"),
  symbol = ProtoField.bytes("volley.symbol", "Symbol"),
  cover_from = ProtoField.uint32("volley.cover_from", "First block covered"),
  run_count = ProtoField.uint16("volley.run_count", "Number of runs"),
  moved_count = ProtoField.uint16("volley.moved_count", "Number of moved receivers"),
  sender_clock = ProtoField.uint64("volley.sender_clock", "Sender's clock (us)"),
  rate = ProtoField.uint32("volley.rate", "Rate (kB/s)"),
  status_interval = ProtoField.uint32("volley.status_interval", "Status interval (ms)"),
  backoff = ProtoField.uint32("volley.backoff", "Back-off (us)"),
  receivers = ProtoField.uint32("volley.receivers", "Receivers"),
  cover_count = ProtoField.uint32("volley.cover_count", "Blocks covered"),
  run = ProtoField.none("volley.run", "Run"),
  run_first = ProtoField.uint32("volley.run.first", "First block"),
  run_blocks = ProtoField.uint32("volley.run.blocks", "Block count"),
  run_to_come = ProtoField.uint16("volley.run.to_come", "Symbols to come", base.DEC, nil, 0x7fff),
  run_in_turn = ProtoField.bool("volley.run.in_turn", "A turn is still to come", 16, nil, 0x8000),
  run_deficit = ProtoField.uint16("volley.run.deficit", "Symbols each block needs", base.DEC, { [65535] = "all" }),
  moved = ProtoField.uint32("volley.moved", "Receiver moved to unicast"),
  receiver = ProtoField.uint32("volley.receiver", "Receiver"),
  flags = ProtoField.uint16("volley.flags", "Flags", base.HEX),
  flag_status = ProtoField.bool("volley.flags.status", "Status", 16, nil, 0x0001),
  flag_leaving = ProtoField.bool("volley.flags.leaving", "Lacks nothing more", 16, nil, 0x0002),
  highest_counter = ProtoField.uint64("volley.highest_counter", "Highest counter received"),
  delay = ProtoField.uint32("volley.delay", "One-way delay above the lowest (us)"),
  loss = ProtoField.uint32("volley.loss", "Datagrams lost (per million)"),
  received_rate = ProtoField.uint32("volley.received_rate", "Received (kB/s)"),
  backlog = ProtoField.uint32("volley.backlog", "Backlog (per thousand)"),
  lacking_blocks = ProtoField.uint32("volley.lacking_blocks", "Blocks lacking"),
  tag = ProtoField.bytes("volley.tag", "Tag"),
}
volley.fields = f

local malformed = ProtoExpert.new("volley.malformed", "Malformed", expert.group.MALFORMED, expert.severity.ERROR)
local unknown = ProtoExpert.new("volley.unknown_flags", "Flags unknown to version 1", expert.group.PROTOCOL, expert.severity.WARN)
volley.experts = { malformed, unknown }

volley.prefs.ports = Pref.range("UDP ports", "", "Everything on these ports is Volley's, like 63000-64000", 65535)

local function is_symbol_length(bytes)
  return bytes >= symbol_bytes_least and bytes <= symbol_bytes_most and bytes % symbol_bytes_step == 0
end

-- Whether a header at `at` is the next of the same sender: a kernel hands many datagrams of one size on as one packet
-- where the network card does the cutting, and a capture on such a machine sees them so.
local function follows(buffer, at, first)
  if buffer:len() < at + overhead_bytes then return false end
  local kind = buffer(at + 1, 1):uint()
  return buffer(at, 1):uint() == 1 and (kind == DATA or kind == ENCRYPTED or kind == ANNOUNCE)
    and buffer(at + 2, 10):bytes() == buffer(first + 2, 10):bytes()
    and buffer(at + 12, 8):le_uint64() == buffer(first + 12, 8):le_uint64() + 1
end

-- The length of the datagram at `at`: as its header says, or nil where that cannot be.
local function length_at(buffer, at)
  local left = buffer:len() - at
  if left < overhead_bytes or buffer(at, 1):uint() ~= 1 then return nil end
  local kind, a, b = buffer(at + 1, 1):uint(), buffer(at + 24, 2):le_uint(), buffer(at + 26, 2):le_uint()
  if kind == DATA or kind == ENCRYPTED then
    if a >= symbol_numbers then return nil end
    for symbol_bytes = symbol_bytes_least, math.min(symbol_bytes_most, left - 2 * overhead_bytes), symbol_bytes_step do
      if follows(buffer, at + overhead_bytes + symbol_bytes, at) then return overhead_bytes + symbol_bytes end
    end
    return is_symbol_length(left - overhead_bytes) and left or nil
  end
  if kind ~= ANNOUNCE and kind ~= REPORT then return nil end
  local length = overhead_bytes + fixed_bytes + a * run_bytes + (kind == ANNOUNCE and b * moved_bytes or 0)
  return length <= left and length or nil
end

local function add_header(tree, buffer, kind)
  tree:add(f.version, buffer(0, 1))
  tree:add(f.type, buffer(1, 1))
  tree:add_le(f.stream, buffer(2, 2))
  tree:add_le(f.session, buffer(4, 4))
  tree:add_le(f.start, buffer(8, 4))
  tree:add_le(f.counter, buffer(12, 8))
  if kind == DATA or kind == ENCRYPTED then
    tree:add_le(f.block, buffer(20, 4))
    tree:add_le(f.symbol_number, buffer(24, 2))
    tree:add_le(f.to_come, buffer(26, 2))
    return
  end
  tree:add_le(kind == ANNOUNCE and f.cover_from or f.receiver, buffer(20, 4))
  tree:add_le(f.run_count, buffer(24, 2))
  if kind == ANNOUNCE then
    tree:add_le(f.moved_count, buffer(26, 2))
    return
  end
  local flags = tree:add_le(f.flags, buffer(26, 2))
  flags:add_le(f.flag_status, buffer(26, 2))
  flags:add_le(f.flag_leaving, buffer(26, 2))
  if buffer(26, 2):le_uint() > 3 then flags:add_proto_expert_info(unknown) end
end

-- Returns where the runs end.
local function add_runs(tree, buffer, kind)
  local at = header_bytes + fixed_bytes
  for _ = 1, buffer(24, 2):le_uint() do
    local first, blocks = buffer(at, 4):le_uint(), buffer(at + 4, 4):le_uint()
    local symbols = buffer(at + 8, 2):le_uint()
    local run = tree:add(f.run, buffer(at, run_bytes))
    run:set_text(string.format("Run: %u blocks from %u", blocks, first))
    run:add_le(f.run_first, buffer(at, 4))
    run:add_le(f.run_blocks, buffer(at + 4, 4))
    if kind == REPORT then
      run:add_le(f.run_deficit, buffer(at + 8, 2))
      run:append_text(symbols == 65535 and ", all symbols" or string.format(", %u symbols each", symbols))
    else
      run:add_le(f.run_to_come, buffer(at + 8, 2))
      run:add_le(f.run_in_turn, buffer(at + 8, 2))
      local turn = symbols >= 0x8000 and " and a turn" or ""
      run:append_text(string.format(", %u to come%s", symbols % 0x8000, turn))
    end
    at = at + run_bytes
  end
  return at
end

local function add_numbers(tree, buffer, fields)
  local at = header_bytes
  for _, entry in ipairs(fields) do
    tree:add_le(entry[1], buffer(at, entry[2]))
    at = at + entry[2]
  end
end

local announce_fields = {
  { f.sender_clock, 8 }, { f.rate, 4 }, { f.status_interval, 4 }, { f.backoff, 4 }, { f.receivers, 4 }, { f.cover_count, 4 },
}
local report_fields = {
  { f.highest_counter, 8 }, { f.delay, 4 }, { f.loss, 4 }, { f.received_rate, 4 }, { f.backlog, 4 }, { f.lacking_blocks, 4 },
}

-- One datagram in a buffer of its length. Returns a line about it.
local function dissect_one(buffer, tree)
  local kind = buffer(1, 1):uint()
  local own = tree:add(f.datagram, buffer())
  add_header(own, buffer, kind)
  local line
  if kind == DATA or kind == ENCRYPTED then
    local symbol = own:add(f.symbol, buffer(header_bytes, buffer:len() - overhead_bytes))
    if kind == ENCRYPTED then symbol:append_text(" (encrypted)") end
    line = string.format("%s block %u symbol %u", types[kind], buffer(20, 4):le_uint(), buffer(24, 2):le_uint())
  elseif kind == ANNOUNCE then
    add_numbers(own, buffer, announce_fields)
    for at = add_runs(own, buffer, kind), buffer:len() - tag_bytes - 1, moved_bytes do
      own:add_le(f.moved, buffer(at, moved_bytes))
    end
    line = string.format("ANNOUNCE %u runs, %u moved", buffer(24, 2):le_uint(), buffer(26, 2):le_uint())
  else
    add_numbers(own, buffer, report_fields)
    add_runs(own, buffer, kind)
    line = string.format("REPORT receiver %u, %u runs, lacks %u blocks", buffer(20, 4):le_uint(),
      buffer(24, 2):le_uint(), buffer(52, 4):le_uint())
  end
  own:add(f.tag, buffer(buffer:len() - tag_bytes, tag_bytes))
  own:set_text(line)
  return line
end

function volley.dissector(buffer, pinfo, tree)
  pinfo.cols.protocol = "Volley"
  local root = tree:add(volley, buffer())
  local at, count, info = 0, 0, nil
  while at < buffer:len() do
    local length = length_at(buffer, at)
    if length == nil then
      root:add_tvb_expert_info(malformed, buffer(at), string.format("%u bytes are no datagram of version 1", buffer:len() - at))
      info = info or "Malformed"
      break
    end
    local line = dissect_one(buffer(at, length):tvb(), root)
    info = info or line
    at, count = at + length, count + 1
  end
  pinfo.cols.info = count > 1 and string.format("%s and %u more", info, count - 1) or info
  return buffer:len()
end

-- By its looks: version, type and lengths have to agree to the last byte, and no number may be one that is never sent.
local function is_plausible(buffer, at)
  if buffer(at + 12, 8):le_uint64() == UInt64(0) then return false end
  if buffer(at + 1, 1):uint() == REPORT then return buffer(at + 26, 2):le_uint() <= 3 end
  return buffer(at + 8, 4):le_uint() > 0
end

volley:register_heuristic("udp", function(buffer, pinfo, tree)
  local at = 0
  repeat
    local length = length_at(buffer, at)
    if length == nil or not is_plausible(buffer, at) then return false end
    at = at + length
  until at == buffer:len()
  pinfo.conversation = volley
  volley.dissector(buffer, pinfo, tree)
  return true
end)

local udp_ports = DissectorTable.get("udp.port")
udp_ports:add_for_decode_as(volley)
local claimed = ""
function volley.prefs_changed()
  if claimed ~= "" then udp_ports:remove(claimed, volley) end
  claimed = volley.prefs.ports
  if claimed ~= "" then udp_ports:add(claimed, volley) end
end
