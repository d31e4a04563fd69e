// Writes what kubectl makes of YAML: the expectations of tests/it/kubectl_yaml.rs.
//
// Reads tables of inputs, one a line, in tests/data/yaml: scalars.txt, documents.txt and streams.txt. A line is a Go
// string literal without its quotes; quotes in it stand for themselves. Writes one file of expectations for each, and
// random.tsv for documents that it makes up. A row is an input, a tab, and the values as JSON, or "refused".
//
//	cd tests/sigs_yaml && go run . ../data/yaml
//
// With a number, it writes so many other random documents to standard output.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const refused = "refused"

func main() {
	folder := os.Args[1]
	scalars := inputs(folder, "scalars.txt")
	documents := inputs(folder, "documents.txt")
	if len(os.Args) > 2 {
		seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
		count, _ := strconv.Atoi(os.Args[3])
		out := bufio.NewWriter(os.Stdout)
		for _, text := range random(rand.New(rand.NewSource(seed)), documents, scalars, count) {
			fmt.Fprintf(out, "%s\t%s\n", quote(text), document(text))
		}
		out.Flush()
		return
	}
	var placed []string
	for _, scalar := range scalars {
		placed = append(placed, "v: "+scalar+"\n", "? "+scalar+"\n: v\n", "["+scalar+"]")
	}
	write(folder, "scalars.tsv", placed, document)
	write(folder, "documents.tsv", documents, document)
	write(folder, "streams.tsv", inputs(folder, "streams.txt"), stream)
	write(folder, "random.tsv", random(rand.New(rand.NewSource(1)), documents, scalars, 600), document)
}

// The value of a document that was split from its stream.
func document(text string) string {
	value, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return refused
	}
	return string(value)
}

// The objects that kubectl reads from a stream, up to the one that it refuses.
func stream(text string) string {
	decoder := kyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	values := []string{}
	for {
		extension := runtime.RawExtension{}
		if err := decoder.Decode(&extension); err == io.EOF {
			break
		} else if err != nil {
			values = append(values, `"`+refused+`"`)
			break
		}
		raw := bytes.TrimSpace(extension.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			panic(err)
		}
		values = append(values, compact.String())
	}
	return "[" + strings.Join(values, ",") + "]"
}

// What random documents are made of.
var pieces = []string{
	"a", "b", "x y", "1", "-1", "0x1f", "true", "~", "\n", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n\t", "\t", " ", "  ",
	": ", ": ", ":", "- ", "- ", "-", "? ", "?", "{", "}", "[", "]", ", ", ",", "#", " # c\n", "&a ", "*a", "*a ", "!!str ", "!!int ", "!t ", "! ",
	"'", "\"", "|", "|-", ">", ">+", "|2", "%", "@", "`", "\\", "\\n", "<<: ", "<<", "---", "\n--- ", "...", "\n...\n", "\r\n", "\r",
	"\ufeff", "\u0085", "\u2028", "é", "😀", ".", "=", "a: 1", "a:\n  b: 2\n", "- c\n", "{a: 1}", "[1, 2]", "'q'", "\"q\"", "k: |\n  t\n", "k: >\n  t\n  u\n",
}

// Rows of pieces, and documents of the table with some changed.
func random(random *rand.Rand, documents, scalars []string, count int) []string {
	var texts []string
	for len(texts) < count {
		var text strings.Builder
		switch random.Intn(3) {
		case 0:
			for n := 1 + random.Intn(14); n > 0; n-- {
				text.WriteString(pieces[random.Intn(len(pieces))])
			}
		case 1:
			runes := []rune(documents[random.Intn(len(documents))])
			if len(runes) > 300 {
				continue
			}
			for n := 1 + random.Intn(3); n > 0; n-- {
				at := random.Intn(len(runes) + 1)
				end := min(len(runes), at+random.Intn(3))
				piece := []rune(pieces[random.Intn(len(pieces))])
				runes = append(append(append([]rune{}, runes[:at]...), piece...), runes[end:]...)
			}
			text.WriteString(string(runes))
		case 2:
			tree(random, &text, scalars, 0, random.Intn(4))
		}
		texts = append(texts, text.String())
	}
	return texts
}

// A value in block style that is most likely good.
func tree(random *rand.Rand, text *strings.Builder, scalars []string, indent, depth int) {
	pad := strings.Repeat(" ", indent)
	if depth == 0 {
		text.WriteString(" " + scalars[random.Intn(len(scalars))] + "\n")
		return
	}
	isList := random.Intn(3) == 0
	text.WriteString("\n")
	for n := 1 + random.Intn(3); n > 0; n-- {
		switch key := pieces[random.Intn(8)]; {
		case isList:
			text.WriteString(pad + "-")
		case strings.TrimSpace(key) == "":
			text.WriteString(pad + "k" + strconv.Itoa(n) + ":")
		default:
			text.WriteString(pad + key + ":")
		}
		tree(random, text, scalars, indent+1+random.Intn(3), random.Intn(depth))
	}
}

func inputs(folder, file string) []string {
	content, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		panic(err)
	}
	var texts []string
	for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
		if err != nil {
			panic(file + ": " + line)
		}
		texts = append(texts, text)
	}
	return texts
}

func quote(text string) string {
	quoted := strconv.QuoteToASCII(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func write(folder, file string, texts []string, value func(string) string) {
	var rows strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&rows, "%s\t%s\n", quote(text), value(text))
	}
	if err := os.WriteFile(filepath.Join(folder, file), []byte(rows.String()), 0o644); err != nil {
		panic(err)
	}
}
