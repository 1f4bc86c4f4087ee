/** Owns the database function by which a path through a room's state trie is read. */

/**
 * The nodes from `p_node` down to the leaf that a key leads to, in one round trip instead of one for each level. `p_hash`
 * has the key's slots, four bits each, that of `p_node` lowest; at most `p_levels` inner nodes are left. The form of a node
 * is that of `src/storage/rooms/trie-node.ts`: of inner nodes the children up to the slot are read here, leaves are not.
 * A node that is not there ends the path.
 */
export const stateFunctionsSql = `
create function state_path(p_room_nid bigint, p_node bigint, p_hash bigint, p_levels integer)
returns table (o_node bigint, o_entries bytea) language plpgsql stable as $$
declare
  v_at integer;
  v_byte integer;
  v_shift integer;
  v_step bigint;
  v_last bigint;
begin
  o_node := p_node;
  for v_level in 0 .. p_levels loop
    select entries into o_entries from state_nodes where room_nid = p_room_nid and node_nid = o_node;
    exit when not found;
    return next;
    exit when get_byte(o_entries, 0) = 0;
    v_at := 1;
    v_last := 0;
    for v_slot in 0 .. ((p_hash >> (4 * v_level)) & 15)::integer loop
      v_step := 0;
      v_shift := 0;
      loop
        v_byte := get_byte(o_entries, v_at);
        v_at := v_at + 1;
        v_step := v_step + ((v_byte & 127)::bigint << v_shift);
        v_shift := v_shift + 7;
        exit when v_byte < 128;
      end loop;
      if v_step = 0 then
        o_node := 0;
      else
        -- Zigzag, one higher as 0 is no child: odd steps lead downwards.
        v_last := v_last + case when (v_step - 1) & 1 = 1 then -(v_step >> 1) else v_step >> 1 end;
        o_node := v_last;
      end if;
    end loop;
    exit when o_node = 0;
  end loop;
end $$;
`;
