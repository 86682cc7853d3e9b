// The entry of sbx: takes the command line apart and calls the verb. Nothing includes it.
int main() {
    return 125;
}
