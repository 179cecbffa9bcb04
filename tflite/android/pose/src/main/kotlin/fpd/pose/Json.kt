package fpd.pose

/**
 * Reads JSON into Map, List, String, Double, Boolean and null.
 *
 * Android's org.json is a stub on the JVM, where the golden tests run.
 */
internal fun parseJson(text: String): Any? {
    val reader = JsonReader(text)
    val value = reader.value()
    reader.end()
    return value
}

private class JsonReader(private val text: String) {
    private var at = 0

    fun value(): Any? =
        when (peek()) {
            '{' -> members()
            '[' -> elements()
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }

    fun end() {
        skipSpace()
        if (at < text.length) fail()
    }

    private fun members(): Map<String, Any?> {
        val members = LinkedHashMap<String, Any?>()
        listed('{', '}') {
            val name = string()
            expect(':')
            members[name] = value()
        }
        return members
    }

    private fun elements(): List<Any?> {
        val elements = ArrayList<Any?>()
        listed('[', ']') { elements.add(value()) }
        return elements
    }

    private fun listed(open: Char, close: Char, item: () -> Unit) {
        expect(open)
        if (peek() == close) {
            at++
            return
        }
        while (true) {
            item()
            if (peek() == close) break
            expect(',')
        }
        at++
    }

    private fun string(): String {
        expect('"')
        val content = StringBuilder()
        while (true) {
            when (val character = next()) {
                '"' -> return content.toString()
                '\\' -> content.append(escaped())
                else -> content.append(character)
            }
        }
    }

    private fun escaped(): Char =
        when (val character = next()) {
            'n' -> '\n'
            't' -> '\t'
            'r' -> '\r'
            'b' -> '\b'
            'f' -> '\u000C'
            'u' -> {
                if (at + 4 > text.length) fail()
                at += 4
                text.substring(at - 4, at).toInt(16).toChar()
            }
            else -> character
        }

    private fun number(): Double {
        val start = at
        while (at < text.length && text[at] in "+-.eE0123456789") at++
        return text.substring(start, at).toDoubleOrNull() ?: fail()
    }

    private fun <T> word(word: String, value: T): T {
        if (!text.startsWith(word, at)) fail()
        at += word.length
        return value
    }

    private fun expect(character: Char) {
        if (peek() != character) fail()
        at++
    }

    private fun peek(): Char {
        skipSpace()
        return if (at < text.length) text[at] else fail()
    }

    private fun next(): Char = if (at < text.length) text[at++] else fail()

    private fun skipSpace() {
        while (at < text.length && text[at].isWhitespace()) at++
    }

    private fun fail(): Nothing = throw IllegalArgumentException("no JSON at character $at")
}
